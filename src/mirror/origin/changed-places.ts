import type { Name } from '../../bytes/name.ts'
import type { Where } from './look.ts'

/** With more names than this to look at, everything is: the list stays small. */
const mostNames = 200_000

/** Where something is told to have changed since the last look, and when it is time for the next. */
export class ChangedPlaces {
  readonly #debounceMs: number
  readonly #maxDelayMs: number
  #places = new Map<Name, Set<Name> | undefined>()
  #everything = false
  #names = 0
  #first: number | undefined
  #last = 0

  /** Milliseconds without a change before a look, and after the first change at the latest. */
  constructor(debounceMs: number, maxDelayMs: number) {
    this.#debounceMs = debounceMs
    this.#maxDelayMs = maxDelayMs
  }

  /** When to look: a time such as `now` is; undefined as long as nothing has changed. */
  get dueAt(): number | undefined {
    if (this.#first === undefined) return undefined
    return Math.min(this.#last + this.#debounceMs, this.#first + this.#maxDelayMs)
  }

  /** Without a name it is unknown what has changed in the directory, or whether it is still there. */
  add(directory: Name, name: Name | undefined, now: number): void {
    this.#touch(now)
    if (this.#everything) return
    if (name === undefined) {
      this.#places.set(directory, undefined)
      return
    }
    let names = this.#places.get(directory)
    if (names === undefined) {
      if (this.#places.has(directory)) return
      this.#places.set(directory, (names = new Set()))
    }
    names.add(name)
    if (++this.#names > mostNames) this.addEverything(now)
  }

  addEverything(now: number): void {
    this.#touch(now)
    this.#everything = true
    this.#places.clear()
  }

  /** What was to be looked at, which is taken to be done. */
  take(): Where {
    const where = this.#everything ? 'everything' : this.#places
    this.#places = new Map()
    this.#everything = false
    this.#names = 0
    this.#first = undefined
    return where
  }

  #touch(now: number): void {
    this.#first ??= now
    this.#last = now
  }
}
