import { TidemarkError } from '../errors.ts'
import { DigestTable } from './digest-table.ts'
import { IdTable } from './id-table.ts'
import { digestLength, digestWords, identify } from './identify.ts'
import { sameKey, type SketchKey } from './key.ts'
import type { Ids } from './peel.ts'
import { SetRoot } from './root.ts'
import { Sketch, type SketchOptions } from './sketch.ts'
import { putWords, wordsOf } from './words.ts'

/** What a decoded difference means to one of the two holders. */
export interface Resolved {
  /** Ids of items that only the other holder has. */
  readonly added: Ids
  /** Numbers of the entries that only this holder has. */
  readonly removed: number[]
}

/**
 * One holder's set: digests without repetition, each with what the holder keeps for it (the item itself, a
 * position in a file, nothing). Sketches of it are made at any time under any salt, or kept up to date.
 * Entries have numbers from 0; `delete` gives the last entry the number of the deleted one.
 */
export class SetIndex<T = undefined> {
  readonly root: SetRoot = new SetRoot()
  readonly #table = new DigestTable()
  readonly #items: T[] = []
  readonly #kept: Sketch[] = []
  #byId: { key: SketchKey; table: IdTable } | undefined

  get size(): number {
    return this.#table.size
  }

  /** Adds an item by its 32-byte digest; false when it is there already. */
  add(digest: Uint8Array, item: T): boolean {
    const words = digestWordsOf(digest)
    if (this.#table.add(words, 0) < 0) return false
    this.#items.push(item)
    this.root.include(words, 1)
    for (const sketch of this.#kept) sketch.add(digest)
    this.#byId = undefined
    return true
  }

  /** Takes an item out; false when it is not there. */
  delete(digest: Uint8Array): boolean {
    const words = digestWordsOf(digest)
    const entry = this.#table.find(words, 0)
    if (entry < 0) return false
    this.#table.delete(entry)
    const last = this.#items.pop()!
    if (entry < this.#items.length) this.#items[entry] = last
    this.root.include(words, -1)
    for (const sketch of this.#kept) sketch.delete(digest)
    this.#byId = undefined
    return true
  }

  has(digest: Uint8Array): boolean {
    return this.#table.find(digestWordsOf(digest), 0) >= 0
  }

  /** What was added with the entry `entry`. */
  item(entry: number): T {
    return this.#items[entry]!
  }

  /** A copy of the 32 bytes of an entry's digest. */
  digest(entry: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(digestLength)
    putWords(this.#table.words.subarray(entry * digestWords, (entry + 1) * digestWords), bytes, 0)
    return bytes
  }

  /** All digests one after another, in the order of their numbers. */
  digests(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.size * digestLength)
    putWords(this.#table.words.subarray(0, this.size * digestWords), bytes, 0)
    return bytes
  }

  /** A new sketch of the set as it is now. */
  sketch(options: SketchOptions): Sketch {
    return new Sketch(options).addAll(this.digests())
  }

  /** A sketch that every later `add` and `delete` keeps up to date, at some 20 cells a change. */
  keep(options: SketchOptions): Sketch {
    const sketch = this.sketch(options)
    this.#kept.push(sketch)
    return sketch
  }

  /** Stops keeping a sketch up to date. */
  release(sketch: Sketch): void {
    const at = this.#kept.indexOf(sketch)
    if (at >= 0) this.#kept.splice(at, 1)
  }

  /** The number of the entry with this id under `key`; −1 when there is none. */
  find(key: SketchKey, lo: number, hi: number): number {
    return this.#idsUnder(key).get(lo, hi)
  }

  /** The ids of all entries under `key`, by number. */
  ids(key: SketchKey): Ids {
    const ids = new Int32Array(2 * this.size)
    identify(key, this.#table.words, 0, this.size, ids)
    return ids
  }

  /** Tells which ids of a difference are this holder's own. */
  resolve(key: SketchKey, ids: Ids): Resolved {
    const table = this.#idsUnder(key)
    const added: number[] = []
    const removed: number[] = []
    for (let at = 0; at < ids.length; at += 2) {
      const entry = table.get(ids[at]!, ids[at + 1]!)
      if (entry >= 0) removed.push(entry)
      else added.push(ids[at]!, ids[at + 1]!)
    }
    return { added: Int32Array.from(added), removed }
  }

  /** The root this set would have without the entries `removed` and with the digests `added`. */
  rootAfter(removed: readonly number[], added: Uint8Array): SetRoot {
    const root = this.root.clone()
    for (const entry of removed) {
      root.include(this.#table.words.subarray(entry * digestWords, (entry + 1) * digestWords), -1)
    }
    root.include(wordsOf(added), 1)
    return root
  }

  /** Made on first use under a key and kept until the set changes or another key is asked for. */
  #idsUnder(key: SketchKey): IdTable {
    if (this.#byId !== undefined && sameKey(this.#byId.key, key)) return this.#byId.table
    const table = new IdTable(this.size)
    const ids = this.ids(key)
    for (let entry = 0; entry < this.size; entry++) table.set(ids[2 * entry]!, ids[2 * entry + 1]!, entry)
    this.#byId = { key, table }
    return table
  }
}

function digestWordsOf(digest: Uint8Array): Int32Array {
  if (digest.length !== digestLength) {
    throw new TidemarkError('usage', `A digest has ${digestLength} bytes, this one has ${digest.length}`)
  }
  return wordsOf(digest)
}
