import type { Name } from '../../bytes/name.ts'

/** Why everything is looked at. */
export type Why = 'first' | 'rescan' | 'rules' | 'lost' | 'many' | 'failure' | 'return'

/** What to look at: these directories, or everything. */
export type Batch =
  | { readonly only: ReadonlySet<Name>; readonly why?: undefined }
  | { readonly only?: undefined; readonly why: Why }

export interface Delays {
  /** Milliseconds without a change after which it is time to look. */
  readonly debounceMs: number
  /** Milliseconds after the first change that it is put off at most. */
  readonly maxDelayMs: number
}

/** With more directories than this to look at, all are: it takes no longer, and the set stays small. */
export const mostDirectories = 2000

/** What has changed since the last look, and when it is time for the next. */
export class Dirty {
  readonly #delays: Delays
  #directories = new Set<Name>()
  #everything: Why | undefined
  #first: number | undefined
  #last = 0

  constructor(delays: Delays) {
    this.#delays = delays
  }

  /** When to look: a time such as `now` is; undefined as long as nothing has changed. */
  get dueAt(): number | undefined {
    if (this.#first === undefined) return undefined
    const { debounceMs, maxDelayMs } = this.#delays
    return Math.min(this.#last + debounceMs, this.#first + maxDelayMs)
  }

  add(directory: Name, now: number): void {
    this.#touch(now)
    if (this.#everything !== undefined) return
    this.#directories.add(directory)
    if (this.#directories.size > mostDirectories) this.#all('many')
  }

  addEverything(why: Why, now: number): void {
    this.#touch(now)
    this.#all(why)
  }

  /** What was to be looked at, which is taken to be done. */
  take(): Batch {
    const batch = this.#everything === undefined ? { only: this.#directories } : { why: this.#everything }
    this.#directories = new Set()
    this.#everything = undefined
    this.#first = undefined
    return batch
  }

  /** What was taken was not done. */
  putBack({ only, why }: Batch, now: number): void {
    if (only === undefined) this.addEverything(why, now)
    else for (const directory of only) this.add(directory, now)
  }

  #touch(now: number): void {
    this.#first ??= now
    this.#last = now
  }

  #all(why: Why): void {
    this.#everything ??= why
    this.#directories.clear()
  }
}
