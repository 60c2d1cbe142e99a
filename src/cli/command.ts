import type { Context } from './context.ts'
import type { Exit } from './exit-codes.ts'

/** What a shell offers for an argument or the value of an option. */
export type Completes =
  | 'snapshot' // ids, tags, latest
  | 'snapshot-path' // the same, then paths inside the snapshot after a colon
  | 'tag'
  | 'path' // files and directories of the working directory
  | 'directory'
  | 'place' // directories, and where the peers of the folder are
  | 'peer' // names of peers
  | readonly string[] // these words

/** An option of a command. `T` is what `run` gets for it. */
export interface OptionSpec<T = unknown> {
  /** As commander writes them: `-m, --message <text>`. */
  readonly flags: string
  readonly summary: string
  readonly initial?: T | undefined
  /** Throws `usage` for a text that makes no sense. `before` is what an earlier use of the option gave. */
  parse?(text: string, before: T | undefined): T
  readonly completes?: Completes | undefined
}

export interface ArgumentSpec {
  /** `<name>`, `[name]`, `<name...>` or `[name...]`. */
  readonly name: string
  readonly summary: string
  readonly completes?: Completes
}

export interface Example {
  readonly command: string
  readonly shows: string
}

/** One command as `--help` and shells see it. Its name and one-line summary are in command-table.ts. */
export interface Command {
  /** A paragraph or two. */
  readonly about: string
  readonly arguments: readonly ArgumentSpec[]
  /** By the name under which `run` finds them: the long flag in camel case. */
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Each works as it stands in a folder that has some snapshots. */
  readonly examples: readonly Example[]
  /** How it can end, besides `done` and `usage`. */
  readonly exits: readonly Exit[]
  /** Returns how it ended; nothing is `done`. */
  run(context: Context, args: readonly string[], options: never): Promise<Exit | undefined>
}

type Values<Options> = {
  readonly [Name in keyof Options]: Options[Name] extends OptionSpec<infer T> ? T : never
}

interface Definition<Options extends Readonly<Record<string, OptionSpec>>> extends Omit<
  Command,
  'options' | 'run'
> {
  readonly options: Options
  run(context: Context, args: readonly string[], options: Values<Options>): Promise<Exit | undefined>
}

/** Gives `run` the types of the options that are declared beside it. */
export function defineCommand<const Options extends Readonly<Record<string, OptionSpec>>>(
  definition: Definition<Options>,
): Command {
  return definition
}
