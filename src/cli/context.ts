import { fromSystem } from '../errors.ts'
import type { Exit } from './exit-codes.ts'
import type { Output } from './output.ts'
import { ProgressLine } from './progress-line.ts'
import { safeText, toJson } from './safe-text.ts'
import type { Interruption } from './signals.ts'

/** The options that every command has. */
export interface GlobalOptions {
  /** Where to look for the folder; the working directory when absent. */
  readonly folder?: string | undefined
  /** Work on this repository without any folder; for `init`, where to keep the history. */
  readonly repository?: string | undefined
  /** Which folder's snapshots are meant, of those in the repository: a path at which it was. */
  readonly of?: string | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

/**
 * All that a command may touch of the outside: what it prints, when it must stop, what time it is. Documents
 * and answers go to standard output, everything said about the work to standard error.
 */
export class Context {
  readonly out: Output
  readonly err: Output
  readonly options: GlobalOptions
  readonly #interruption: Interruption

  constructor(options: GlobalOptions, interruption: Interruption, out: Output, err: Output) {
    this.options = options
    this.out = out
    this.err = err
    this.#interruption = interruption
  }

  /** Rejects `missing` when it has been deleted. */
  get workingDirectory(): string {
    try {
      return process.cwd()
    } catch (error) {
      throw fromSystem(error, 'look where we are')
    }
  }

  get json(): boolean {
    return this.options.json
  }

  /** Aborted by Ctrl-C and SIGTERM. */
  get signal(): AbortSignal {
    return this.#interruption.signal
  }

  interruptedBy(): Exit | undefined {
    return this.#interruption.exit()
  }

  now(): Date {
    return new Date()
  }

  /** One line of the answer. Names in it must have been through displayName, other foreign text through safeText. */
  print(line: string): Promise<void> {
    return this.out.line(line)
  }

  /** The answer as one JSON value; called once for a document, once for each line of a stream. */
  printJson(value: unknown): Promise<void> {
    return this.out.line(toJson(value))
  }

  /** Says what was done; not with --quiet, nor with --json, whose document says it. */
  async tell(line: string): Promise<void> {
    if (!this.options.quiet && !this.json) await this.print(line)
  }

  /** A remark about the work, on standard error; not with --quiet. */
  async note(line: string): Promise<void> {
    if (!this.options.quiet && !this.json) await this.err.line(line)
  }

  /** Something went wrong, but the work goes on. Always said. */
  async warn(message: string): Promise<void> {
    if (this.json) await this.err.line(toJson({ warning: { message } }))
    else await this.err.line(`${this.err.style('yellow', 'warning:')} ${safeText(message)}`)
  }

  progress(): ProgressLine {
    return new ProgressLine(this.err, !this.options.quiet && !this.json)
  }
}
