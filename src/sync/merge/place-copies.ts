import { compareNames, type Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { findEntry, listDirectory } from '../../tree/directory.ts'
import { conflictName, type ConflictName } from './conflict-name.ts'
import { sameData } from './merge-data.ts'

/** What lost a conflict, under the name that it has lost, and the host of its side. */
export interface Loser {
  readonly entry: Entry
  readonly host: string
}

/** Other copies of the same file and time are looked at up to this many. */
const maxLook = 64

/** The entries of a directory that is being merged: those of `left` but for the edits. */
export class CopyPlaces {
  readonly #store: Store
  readonly #left: DirectoryEntry
  readonly #edits: Map<Name, Entry | undefined>
  readonly #options: CallOptions
  readonly #names: readonly Name[]

  constructor(store: Store, left: DirectoryEntry, edits: Map<Name, Entry | undefined>, options: CallOptions) {
    this.#store = store
    this.#left = left
    this.#edits = edits
    this.#options = options
    this.#names = [...edits.keys()].toSorted(compareNames)
  }

  /**
   * Adds a copy of a loser to the edits, and returns its name. When one with the same data is there that was made of
   * the same file, by whichever replica, that is it.
   */
  async place({ entry, host }: Loser): Promise<Name> {
    const name = conflictName(entry.name, entry.mtimeNs, host)
    const known = await this.#findCopy(name, entry)
    if (known !== undefined) return known
    for (let count = 1; ; count++) {
      const free = name.numbered(count)
      const there = await this.#find(free)
      if (there && sameData(there, entry)) return free
      if (there) continue
      this.#edits.set(free, { ...entry, name: free, link: undefined })
      return free
    }
  }

  async #find(name: Name): Promise<Entry | undefined> {
    if (this.#edits.has(name)) return this.#edits.get(name)
    return findEntry(this.#store, this.#left, name, this.#options)
  }

  async #findCopy({ prefix }: ConflictName, entry: Entry): Promise<Name | undefined> {
    let [low, high] = [0, this.#names.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareNames(this.#names[middle]!, prefix) < 0) low = middle + 1
      else high = middle
    }
    for (const name of this.#names.slice(low, low + maxLook)) {
      if (!name.startsWith(prefix)) break
      const there = this.#edits.get(name)
      if (there && sameData(there, entry)) return name
    }
    let looked = 0
    for await (const there of listDirectory(this.#store, this.#left, { ...this.#options, after: prefix })) {
      if (looked++ === maxLook || !there.name.startsWith(prefix)) break
      if (!this.#edits.has(there.name) && sameData(there, entry)) return there.name
    }
    return undefined
  }
}
