import { sharedLength } from '../bytes/compare.ts'
import { nameInBytes, type Name } from '../bytes/name.ts'
import type { Reader } from '../bytes/reader.ts'
import type { Entry } from './entry.ts'
import { decodeEntry, endOfPlainEntry, kindOf, skimAfterName } from './entry-codec.ts'
import type { EntryNumbers } from './entry-codec.ts'
import { beginLeaf, checkLeafSize, fullSize } from './tree.ts'

/** What is skimmed here is of no interest. */
const skimmed: EntryNumbers = { mtimeLow: 0, mtimeHigh: 0, size: 0, count: 0 }

/**
 * Goes through the entries of a leaf by where they begin and end. Throws `corrupt` for what is no leaf, names out of
 * order included; what is not asked for by {@link LeafWalk.entry} is not looked at any closer.
 */
export class LeafWalk {
  isAtEntry = true
  readonly bytes: Uint8Array
  readonly #reader: Reader
  readonly first: Name
  #start = 0
  #end = 0
  /** Where the name of the entry stands that it is at, or was at last. */
  nameStart = 0
  nameEnd = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#reader = beginLeaf(bytes)
    this.#end = this.#reader.offset
    this.next()
    if (!this.isAtEntry) throw this.#reader.fail('empty leaf')
    this.first = this.last
  }

  /** The name of the entry that it is at, or was at last. */
  get last(): Name {
    return nameInBytes(this.bytes, this.nameStart, this.nameEnd)
  }

  get isDirectory(): boolean {
    return kindOf(this.bytes[this.#start]!) === 'directory'
  }

  next(): void {
    const { bytes } = this
    this.isAtEntry = this.#end < bytes.length
    if (!this.isAtEntry) return
    const [start, end] = [this.nameStart, this.nameEnd]
    this.#start = this.#end
    this.#end = endOfPlainEntry(bytes, this.#start)
    this.nameStart = this.#start + 2
    this.nameEnd = this.nameStart + bytes[this.#start + 1]!
    if (this.#end < 0 || this.#start >= fullSize) this.#skim()
    if (end > 0 && compareParts(bytes, start, end, bytes, this.nameStart, this.nameEnd) >= 0)
      throw this.#reader.fail('names out of order')
  }

  /** The same for any entry, and with all checks. */
  #skim(): void {
    const reader = this.#reader
    reader.offset = this.#start
    checkLeafSize(reader)
    const kind = reader.u8()
    const length = reader.varint()
    this.nameStart = reader.advance(length)
    this.nameEnd = reader.offset
    skimAfterName(reader, kind, skimmed)
    this.#end = reader.offset
  }

  /** The entry that it is at. */
  entry(): Entry {
    const reader = this.#reader
    reader.offset = this.#start
    const entry = decodeEntry(reader)
    if (reader.offset !== this.#end) throw reader.fail('an entry of another length')
    return entry
  }

  compareName(other: LeafWalk): number {
    return compareParts(this.bytes, this.nameStart, this.nameEnd, other.bytes, other.nameStart, other.nameEnd)
  }

  /** Goes past the entries from here on that stand in both, as each says itself where it ends; false when there are none. */
  passShared(other: LeafWalk): boolean {
    const from = this.#start
    const shared = sharedLength(this.bytes, from, other.bytes, other.#start)
    if (this.#end > from + shared) return false
    const distance = other.#start - from
    let [nameStart, nameEnd, end] = [0, 0, 0]
    do {
      ;[nameStart, nameEnd, end] = [this.nameStart, this.nameEnd, this.#end]
      this.next()
    } while (this.isAtEntry && this.#end <= from + shared)
    other.nameStart = nameStart + distance
    other.nameEnd = nameEnd + distance
    other.#end = end + distance
    other.next()
    return true
  }
}

/** `compareBytes` on parts of byte strings: a view of each would cost more than the comparison. */
function compareParts(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const shared = Math.min(aEnd - aStart, bEnd - bStart)
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aEnd - aStart - (bEnd - bStart)
}
