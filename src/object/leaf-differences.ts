import { nameInBytes, type Name } from '../bytes/name.ts'
import type { Reader } from '../bytes/reader.ts'
import type { Entry } from './entry.ts'
import { decodeEntry, skimAfterName } from './entry-codec.ts'
import type { EntryNumbers } from './entry-codec.ts'
import { beginLeaf, checkLeafSize } from './tree.ts'

/** A leaf that was compared with another. */
export interface ComparedLeaf {
  readonly first: Name
  readonly last: Name
  /** Its entries without those that the other has too, byte for byte. */
  readonly entries: readonly Entry[]
}

/**
 * Compares two leaves without decoding the entries that are in both: most of them, as a rule. Throws `corrupt`
 * for what is no leaf, names out of order included; what is in both is not looked at any closer.
 */
export function compareLeaves(a: Uint8Array, b: Uint8Array): [ComparedLeaf, ComparedLeaf] {
  const left = new LeafWalk(a)
  const right = new LeafWalk(b)
  while (left.isAtEntry && right.isAtEntry) {
    const order = left.compareName(right)
    if (order === 0 && left.isEqual(right)) {
      left.next()
      right.next()
      continue
    }
    if (order <= 0) left.take()
    if (order >= 0) right.take()
  }
  while (left.isAtEntry) left.take()
  while (right.isAtEntry) right.take()
  return [left, right]
}

/** What is skimmed here is of no interest. */
const skimmed: EntryNumbers = { mtimeLow: 0, mtimeHigh: 0, size: 0, count: 0 }

/** Goes through the entries of a leaf by where they begin and end. */
class LeafWalk implements ComparedLeaf {
  readonly entries: Entry[] = []
  isAtEntry = true
  readonly #bytes: Uint8Array
  readonly #reader: Reader
  readonly first: Name
  #start = 0
  #end = 0
  #nameStart = 0
  #nameEnd = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#reader = beginLeaf(bytes)
    this.#end = this.#reader.offset
    this.next()
    if (!this.isAtEntry) throw this.#reader.fail('empty leaf')
    this.first = this.last
  }

  /** The name of the entry that it is at, or was at last. */
  get last(): Name {
    return nameInBytes(this.#bytes, this.#nameStart, this.#nameEnd)
  }

  next(): void {
    const [reader, bytes] = [this.#reader, this.#bytes]
    this.isAtEntry = this.#end < bytes.length
    if (!this.isAtEntry) return
    const [start, end] = [this.#nameStart, this.#nameEnd]
    this.#start = reader.offset = this.#end
    checkLeafSize(reader)
    const kind = reader.u8()
    const length = reader.varint()
    this.#nameStart = reader.advance(length)
    this.#nameEnd = reader.offset
    skimAfterName(reader, kind, skimmed)
    this.#end = reader.offset
    if (end > 0 && compareParts(bytes, start, end, bytes, this.#nameStart, this.#nameEnd) >= 0)
      throw reader.fail('names out of order')
  }

  /** Decodes the entry, and goes on to the next. */
  take(): void {
    const reader = this.#reader
    reader.offset = this.#start
    this.entries.push(decodeEntry(reader))
    if (reader.offset !== this.#end) throw reader.fail('an entry of another length')
    this.next()
  }

  compareName(other: LeafWalk): number {
    return compareParts(
      this.#bytes,
      this.#nameStart,
      this.#nameEnd,
      other.#bytes,
      other.#nameStart,
      other.#nameEnd,
    )
  }

  isEqual(other: LeafWalk): boolean {
    const length = this.#end - this.#start
    if (length !== other.#end - other.#start) return false
    const [a, b] = [this.#bytes, other.#bytes]
    const [from, to] = [this.#start, other.#start]
    for (let i = 0; i < length; i++) if (a[from + i] !== b[to + i]) return false
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
