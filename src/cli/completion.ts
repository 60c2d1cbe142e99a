import tab from '@bomb.sh/tab/commander'
import type { Complete, RootCommand } from '@bomb.sh/tab'
import type { Command, Completes } from './command.ts'
import { commandTable } from './command-table.ts'
import { declare, declareOptions, quietCommander } from './commander.ts'
import { candidatesFor } from './completion-candidates.ts'
import type { Candidate, Where } from './completion-candidates.ts'
import { globalOptions } from './global-options.ts'
import { Output } from './output.ts'

/**
 * Answers `tidemark complete -- WORDS`, which the scripts of the shells ask at each press of TAB: the last
 * word is the one to complete. Prints `value TAB description` lines, then a directive. Loads only the command
 * that is named. Rejects for a line that makes no sense.
 */
export async function complete(words: readonly string[]): Promise<void> {
  const program = quietCommander('tidemark', Output.standard())
  declareOptions(program, globalOptions)
  const entry = commandTable.find(({ name }) => words.slice(0, -1).includes(name))
  const command = (await entry?.load())?.command
  for (const { name, summary } of commandTable) {
    const commander = program.command(name).description(summary)
    if (entry?.name !== name || command === undefined) continue
    declare(commander, command)
    // The adapter offers behind a command the options of that command alone.
    declareOptions(commander, globalOptions)
  }
  const root = tab(program)
  // The adapter's own command, which only asks.
  root.commands.delete('complete')
  await offerValues(root, entry?.name, command, words)
  root.parse([...words])
}

/** Finds out what the word at hand could be, and gives it to the option or the arguments that take it. */
async function offerValues(
  root: RootCommand,
  name: string | undefined,
  command: Command | undefined,
  words: readonly string[],
): Promise<void> {
  const completed = root.commands.get(name ?? '') ?? root
  const word = words.at(-1) ?? ''
  const [, flag, value = word] = /^(--[\w-]+)=(.*)$/s.exec(word) ?? []
  const options = Object.values({ ...globalOptions, ...command?.options })
  const option =
    options.find((option) => takes(option, words.at(-2))) ?? options.find((option) => takes(option, flag))
  const answer = async (completes: Completes | undefined): Promise<(complete: Complete) => void> => {
    const found = (await candidatesFor(completes, value, whereIs(words))).filter(isPlain)
    if (found.length > 0 && found.every(({ value }) => /[/:]$/.test(value))) leaveOpen(root)
    return (complete) => found.forEach(({ value, about }) => complete(value, about))
  }
  if (option !== undefined) {
    const asked = completed.options.get(/--([\w-]+)/.exec(option.flags)?.[1] ?? '')
    if (asked) asked.handler = await answer(option.completes)
  } else if (!word.startsWith('-')) {
    // The adapter knows which of the arguments is meant.
    const asked = [...completed.arguments.values()]
    for (const [i, spec] of (command?.arguments ?? []).entries()) {
      if (asked[i]) asked[i].handler = await answer(spec.completes)
    }
  }
}

function takes({ flags }: { readonly flags: string }, flag: string | undefined): boolean {
  return flag !== undefined && flags.includes('<') && flags.split(/[ ,]+/).includes(flag)
}

/** Makes the shell add no space behind what it completes. */
function leaveOpen(root: RootCommand): void {
  const noSpace = 2
  const noFiles = 4
  // `parse` sets the directive itself, always to "no files".
  Object.defineProperty(root, 'directive', { get: () => noSpace | noFiles, set: () => {} })
}

/**
 * Only what means itself on any command line. Names come from snapshots that others may have made, and shells
 * expand what they are given: `$(…)` in the name of a file must not get there.
 */
function isPlain({ value }: Candidate): boolean {
  return /^[\p{L}\p{M}\p{N}_./:@%+,][\p{L}\p{M}\p{N}_./:@%+=,~^-]*$/u.test(value)
}

/** The folder and the repository that the line names, and which folder in it. */
function whereIs(words: readonly string[]): Where {
  const valueOf = (...flags: readonly string[]): string | undefined => {
    for (const [i, word] of words.slice(0, -1).entries()) {
      if (flags.includes(word)) return words[i + 1]
      const flag = flags.find((flag) => word.startsWith(`${flag}=`))
      if (flag !== undefined) return word.slice(flag.length + 1)
    }
    return undefined
  }
  return {
    folder: valueOf('-C', '--folder'),
    repository: valueOf('-r', '--repository'),
    of: valueOf('--of'),
  }
}
