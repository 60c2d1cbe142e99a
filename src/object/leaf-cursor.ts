import { compareNames, isAscii, nameInBytes } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import { Reader } from '../bytes/reader.ts'
import type { Entry } from './entry.ts'
import { decodeEntry, kindOf, skimAfterName } from './entry-codec.ts'
import type { EntryNumbers } from './entry-codec.ts'
import { beginLeaf } from './tree.ts'

/**
 * Goes through the entries of a leaf and shows their numbers without making objects: what a scan does with
 * each file that has not changed. Throws `corrupt` for bytes that end early or go on for ever; anything else
 * is checked only by {@link LeafCursor.entry} and by decoding the whole leaf.
 */
export class LeafCursor implements EntryNumbers {
  readonly #bytes: Uint8Array
  readonly #reader: Reader
  #start = 1
  #nameStart = 0
  #nameEnd = 0
  /** Place of the entry at hand in the leaf; past the last one, how many there are. */
  index = -1
  /** False once there are no more. */
  valid = true
  /** Its kind and flags, as its first byte has them. */
  head = 0
  mtimeLow = 0
  mtimeHigh = 0
  size = 0
  count = 0

  /** Stands at the first entry. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#reader = beginLeaf(bytes)
    this.next()
  }

  get isDirectory(): boolean {
    return kindOf(this.head) === 'directory'
  }

  get name(): Name {
    return nameInBytes(this.#bytes, this.#nameStart, this.#nameEnd)
  }

  /** The entry at hand. */
  entry(): Entry {
    const reader = new Reader(this.#bytes, 'tree')
    reader.offset = this.#start
    return decodeEntry(reader)
  }

  /** Negative, zero or positive: how its name compares with `name`. */
  compareName(name: Name): number {
    const length = this.#nameEnd - this.#nameStart
    if (length === name.length) {
      let same = 0
      while (same < length && this.#bytes[this.#nameStart + same] === name.charCodeAt(same)) same++
      // Bytes from 0x80 on are no characters: such names are left to the slower comparison.
      if (same === length && isAscii(name)) return 0
    }
    return compareNames(this.name, name)
  }

  /** Goes on to the next entry. */
  next(): void {
    const reader = this.#reader
    this.index++
    this.valid = reader.remaining > 0
    if (!this.valid) return
    this.#start = reader.offset
    this.head = reader.u8()
    this.#nameStart = reader.advance(reader.varint())
    this.#nameEnd = reader.offset
    skimAfterName(reader, this.head, this)
  }
}
