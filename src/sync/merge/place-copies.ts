import { compareNames, type Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { findEntry, listBatches, listDirectory } from '../../tree/directory.ts'
import { sameData } from '../../tree/equal-entries.ts'
import { conflictName, copyMark, type ConflictName } from './conflict-name.ts'

/** What lost a conflict, under the name that it has lost, and the host of its side. */
export interface Loser {
  readonly entry: Entry
  readonly host: string
}

/** Other copies of the same file and time are looked at up to this many. */
const maxLook = 64

/** From so many on, the whole directory is gone through once instead of looking each name up. */
const manyLosers = 64

/** The entries of a directory that is being merged: those of `left` but for the edits. */
export class CopyPlaces {
  readonly #store: Store
  readonly #left: DirectoryEntry
  readonly #edits: Map<Name, Entry | undefined>
  readonly #options: CallOptions
  /** The names of the edits that were there before copies came in, in order. */
  readonly #changed: readonly { readonly name: Name }[]
  /** Once it has been gone through: the entries of `left` that are called like copies, in order. */
  #copies: readonly Entry[] | undefined
  #placed = 0

  constructor(store: Store, left: DirectoryEntry, edits: Map<Name, Entry | undefined>, options: CallOptions) {
    this.#store = store
    this.#left = left
    this.#edits = edits
    this.#options = options
    this.#changed = Array.from(edits.keys(), (name) => ({ name })).toSorted((a, b) =>
      compareNames(a.name, b.name),
    )
  }

  /**
   * Adds a copy of a loser to the edits, and returns its name. When one with the same data is there that was made of
   * the same file, by whichever replica, that is it.
   */
  async place({ entry, host }: Loser): Promise<Name> {
    if (++this.#placed === manyLosers) await this.#goThrough()
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
    if (this.#copies) {
      const entry = this.#copies[firstFrom(this.#copies, name)]
      return entry?.name === name ? entry : undefined
    }
    return findEntry(this.#store, this.#left, name, this.#options)
  }

  async #findCopy({ prefix }: ConflictName, entry: Entry): Promise<Name | undefined> {
    const start = firstFrom(this.#changed, prefix)
    for (const { name } of this.#changed.slice(start, start + maxLook)) {
      if (!name.startsWith(prefix)) break
      const there = this.#edits.get(name)
      if (there && sameData(there, entry)) return name
    }
    let looked = 0
    for await (const there of this.#unchangedFrom(prefix)) {
      if (looked++ === maxLook || !there.name.startsWith(prefix)) break
      if (!this.#edits.has(there.name) && sameData(there, entry)) return there.name
    }
    return undefined
  }

  /** The entries of `left` behind a name that may be those of copies. */
  #unchangedFrom(name: Name): Iterable<Entry> | AsyncIterable<Entry> {
    if (this.#copies) {
      const start = firstFrom(this.#copies, name)
      return this.#copies.slice(start, start + maxLook)
    }
    return listDirectory(this.#store, this.#left, { ...this.#options, after: name })
  }

  async #goThrough(): Promise<void> {
    const copies: Entry[] = []
    for await (const batch of listBatches(this.#store, this.#left, this.#options))
      for (const entry of batch) if (entry.name.includes(copyMark)) copies.push(entry)
    this.#copies = copies
  }
}

/** Where in a list the first name that is `name` or behind it stands. */
function firstFrom(list: readonly { readonly name: Name }[], name: Name): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareNames(list[middle]!.name, name) < 0) low = middle + 1
    else high = middle
  }
  return low
}
