import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { IndexCopy } from './index-copy.ts'
import type { MirrorState } from './mirror-state.ts'

/**
 * A mirror's own copies of the indexes. One that is being made is `NAME.new` where copies wait; one whose contents are
 * not all here waits there under its name; then it moves into its place in the mirror. What each is, is noted in the state
 * by its number, the principal's being 0.
 */
export class OwnCopies {
  readonly #state: MirrorState
  readonly #directory: string
  readonly #waiting: string

  /** `directory` is the mirror's, copies wait in `waiting`. */
  constructor(state: MirrorState, directory: string, waiting: string) {
    this.#state = state
    this.#directory = directory
    this.#waiting = waiting
  }

  /** What is noted of one. */
  at(tier: number): IndexCopy | undefined {
    const text = this.#state.tier(tier)
    return text === undefined ? undefined : (JSON.parse(text) as IndexCopy)
  }

  note(tier: number, copy: IndexCopy): void {
    this.#state.setTier(tier, JSON.stringify(copy))
  }

  /** Of all indexes, in their order. */
  names(): string[] {
    const names: string[] = []
    for (let tier = 0; ; tier++) {
      const copy = this.at(tier)
      if (copy === undefined) return names
      names.push(copy.name)
    }
  }

  waiting(name: string): string {
    return join(this.#waiting, name)
  }

  /** Where one is to be made. */
  fresh(name: string): string {
    return `${this.waiting(name)}.new`
  }

  /** The newest that was finished: the one that waits, or the one in its place. */
  finished(name: string): string | undefined {
    return [this.waiting(name), join(this.#directory, name)].find((path) => existsSync(path))
  }

  /** The newest: just made, or finished. */
  newest(name: string): string {
    const fresh = this.fresh(name)
    return existsSync(fresh) ? fresh : (this.finished(name) ?? fresh)
  }

  /** Lets those that were just made wait under their names, and removes what was not finished. */
  keep(copies: readonly IndexCopy[]): void {
    for (const { name } of copies) {
      const fresh = this.fresh(name)
      if (existsSync(fresh)) renameSync(fresh, this.waiting(name))
    }
    for (const file of readdirSync(this.#waiting)) {
      if (/\.new(?:\.guess)?$/.test(file)) rmSync(join(this.#waiting, file), { force: true })
    }
  }
}
