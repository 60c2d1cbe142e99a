import { CommanderError } from 'commander'
import type { Command as Commander } from 'commander'
import { TidemarkError } from '../errors.ts'
import type { Command } from './command.ts'
import { commandWord } from './command-word.ts'
import { commandTable } from './command-table.ts'
import { declare, declareOptions, exitLines, initialValues, quietCommander } from './commander.ts'
import { Context } from './context.ts'
import type { GlobalOptions } from './context.ts'
import { exitCodes } from './exit-codes.ts'
import type { Exit } from './exit-codes.ts'
import { globalOptions } from './global-options.ts'
import { Output } from './output.ts'
import { reportError } from './report-error.ts'
import { catchSignals } from './signals.ts'
import { version } from '../version.ts'

/** Runs one command line, as Node gives it, and returns the exit code. Never rejects. */
export async function runProgram(given: readonly string[]): Promise<number> {
  const argv = await exactArguments(given)
  if (argv[0] === 'complete' && argv[1] === '--') {
    const { complete } = await import('./completion.ts')
    // A line that is half written has mistakes: nothing is offered then, nor said.
    await complete(argv.slice(2)).catch(() => {})
    return exitCodes.done
  }
  const out = Output.standard()
  const err = Output.error()
  const interruption = catchSignals(() => {
    if (err.terminal) err.stream.write('\nstopping (Ctrl-C again stops at once)\n')
  })
  // What was asked for is not known before the line has been parsed, but errors in it are reported too.
  let context = new Context(
    { json: argv.includes('--json'), quiet: false, verbose: false },
    interruption,
    out,
    err,
  )
  let exit: Exit = 'done'
  const program = buildProgram(out, commandWord(argv), async (command, args, options, global) => {
    context = new Context(global, interruption, out, err)
    exit = (await command.run(context, args, options as never)) ?? 'done'
  })
  // Something in the background failed, outside everything that a command waits for.
  process.on('uncaughtException', (error) => void endAtOnce(context, error))
  try {
    await program.parseAsync(rewriteHelp(argv), { from: 'user' })
    // Whoever reads may be slow; nothing else is left to do, and any signal may end that.
    interruption.release()
    await out.end()
    exit = interruption.exit() ?? exit
  } catch (error) {
    interruption.release()
    exit = await endWith(context, error)
  }
  return exitCodes[exit]
}

/** Node puts U+FFFD for what is not UTF-8. */
async function exactArguments(argv: readonly string[]): Promise<readonly string[]> {
  if (!argv.some((argument) => argument.includes('\ufffd'))) return argv
  return (await import('./exact-arguments.ts')).exactArguments(argv)
}

async function endAtOnce(context: Context, error: unknown): Promise<never> {
  process.exit(exitCodes[await reportError(context, error)])
}

async function endWith(context: Context, error: unknown): Promise<Exit> {
  if (error instanceof CommanderError && error.exitCode === 0)
    return context.out.end().then(
      () => 'done',
      (failure) => reportError(context, failure),
    )
  // What was printed before the error comes before it.
  await context.out.end().catch(() => {})
  const exit = await reportError(context, error instanceof CommanderError ? usageError(error) : error)
  await context.err.end().catch(() => {})
  return exit
}

type Run = (
  command: Command,
  args: readonly string[],
  options: object,
  global: GlobalOptions,
) => Promise<void>

/**
 * The commands as commander sees them. Each is loaded when the command line turns out to name it. When `word`, the first
 * of the line that is no option, is one, there need be no others.
 */
export function buildProgram(out: Output, word: string | undefined, run: Run): Commander {
  const program = quietCommander('tidemark', out)
    .description("Keeps a folder's whole history: every version of every file, comparable and restorable.")
    .usage('[options] <command>')
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', () => programHelp())
  declareOptions(program, globalOptions)
  const named = commandTable.filter(({ name }) => name === word)
  for (const { name, group, summary } of named.length > 0 ? named : commandTable) {
    program.command(name).summary(summary).helpGroup(`${group}:`).copyInheritedSettings(program)
  }
  program.hook('preSubcommand', async (_program, commander) => {
    const entry = commandTable.find(({ name }) => name === commander.name())
    if (entry === undefined) return
    const { command } = await entry.load()
    declare(commander, command)
    commander.action(() => {
      const options = { ...initialValues(command.options), ...commander.opts() }
      const global = { ...initialValues(globalOptions), ...program.opts() } as unknown as GlobalOptions
      return run(command, commander.args, options, global)
    })
  })
  return program
}

function programHelp(): string {
  const every = Object.keys(exitCodes) as Exit[]
  return [
    '',
    'Exit codes:',
    ...exitLines(every),
    '',
    'tidemark <command> --help says more, with examples.',
  ].join('\n')
}

/** `tidemark help log` is `tidemark log --help`; nothing at all is `tidemark --help`. */
function rewriteHelp(argv: readonly string[]): string[] {
  if (argv.length === 0) return ['--help']
  return argv[0] === 'help' ? [...argv.slice(1, 2), '--help'] : [...argv]
}

function usageError(error: CommanderError): TidemarkError {
  if (error.code === 'commander.help')
    return new TidemarkError('usage', 'no command is named (tidemark --help shows what there is)')
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  return new TidemarkError('usage', `${message} (tidemark --help shows what there is)`)
}
