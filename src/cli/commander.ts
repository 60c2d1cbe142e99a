import { Argument, Command as Commander, Option } from 'commander'
import type { ArgumentSpec, Command, OptionSpec } from './command.ts'
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
    if (spec.parse) option.argParser((text, before) => spec.parse?.(text, before ?? spec.initial))
    commander.addOption(option)
  }
}

function declareArgument(spec: ArgumentSpec): Argument {
  return new Argument(spec.name, spec.summary)
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
