import { Argument, Command as Commander, Option } from 'commander'
import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { ArgumentSpec, Command, Completes, OptionSpec } from './command.ts'
import { exitCodes, exitMeanings } from './exit-codes.ts'
import type { Exit } from './exit-codes.ts'
import type { Output } from './output.ts'

/** A commander that throws instead of ending the process, and says nothing itself but help. */
export function quietCommander(name: string, out: Output): Commander {
  const write = (text: string): void => void out.stream.write(text)
  return new Commander(name)
    .exitOverride()
    .helpCommand(false)
    .helpOption('-h, --help', 'show this help')
    .configureOutput({
      writeOut: write,
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(out.width, 100),
      getOutHasColors: () => out.style('bold', 'x') !== 'x',
    })
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => out.style('bold', title),
    })
}

/** Puts what a command declares into its commander. */
export function declare(commander: Commander, command: Command): void {
  commander.description(command.about)
  for (const argument of command.arguments) commander.addArgument(declareArgument(argument))
  declareOptions(commander, command.options)
  commander.addHelpText('after', () => afterHelp(command))
}

export function declareOptions(commander: Commander, options: Readonly<Record<string, OptionSpec>>): void {
  for (const spec of Object.values(options)) {
    const option = new Option(spec.flags, spec.summary)
    if (spec.parse || isPlace(spec))
      option.argParser((text, before) => parseOption(option, spec, text, before ?? spec.initial))
    commander.addOption(option)
  }
}

function declareArgument(spec: ArgumentSpec): Argument {
  const argument = new Argument(spec.name, spec.summary)
  return isPlace(spec) ? argument.argParser((text) => notEmpty(spec.name, text)) : argument
}

function parseOption(option: Option, spec: OptionSpec, text: string, before: unknown): unknown {
  const name = option.long ?? option.flags
  if (isPlace(spec)) notEmpty(name, text)
  try {
    return spec.parse ? spec.parse(text, before) : text
  } catch (error) {
    throw isTidemarkError(error, 'usage') ? new TidemarkError('usage', `${name} ${error.message}`) : error
  }
}

/** Whether it is somewhere in a file system. */
function isPlace({ completes }: { readonly completes?: Completes | undefined }): boolean {
  return completes === 'path' || completes === 'directory' || completes === 'place'
}

/** An empty place is what a variable holds that is not set; it would mean the working directory. */
function notEmpty(name: string, place: string): string {
  if (place !== '') return place
  throw new TidemarkError('usage', `${name} is empty (. is the working directory)`)
}

function afterHelp(command: Command): string {
  const examples = command.examples.flatMap(({ command, shows }) => [`  ${command}`, `      ${shows}`])
  const lines = [
    '',
    'Examples:',
    ...examples,
    '',
    'Exit codes:',
    ...exitLines(['done', 'usage', ...command.exits]),
  ]
  return lines.join('\n')
}

/** "  3  done in part…", in order of the codes. */
export function exitLines(exits: readonly Exit[]): string[] {
  const sorted = [...new Set(exits)].toSorted((a, b) => exitCodes[a] - exitCodes[b])
  return sorted.map((exit) => `  ${String(exitCodes[exit]).padStart(3)}  ${exitMeanings[exit]}`)
}

/** The values of options that were not given: commander would print them in the help, as "(default: [])". */
export function initialValues(options: Readonly<Record<string, OptionSpec>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).map(([name, { initial }]) => [name, initial]))
}
