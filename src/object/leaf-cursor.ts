import { compareNames, isAscii, nameInBytes } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import { Reader } from '../bytes/reader.ts'
import { corrupt } from '../errors.ts'
import type { Entry } from './entry.ts'
import { decodeEntry, entryFlags, kindOf } from './entry-codec.ts'
import { leafMark } from './tree.ts'

/**
 * Goes through the entries of a leaf and shows their numbers without making objects: what a scan does with
 * each file that has not changed. Throws `corrupt` for bytes that end early or go on for ever; anything else
 * is checked only by {@link LeafCursor.entry} and by decoding the whole leaf.
 */
export class LeafCursor {
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
  /** Its mtime in nanoseconds, as the low and the high half of 64 bits, each signed. */
  mtimeLow = 0
  mtimeHigh = 0
  /** Of a file or directory. */
  size = 0
  /** Of a directory. */
  count = 0

  /** Stands at the first entry. */
  constructor(bytes: Uint8Array) {
    if (bytes[0] !== leafMark) throw corrupt('tree', 'not a leaf of a tree')
    this.#bytes = bytes
    this.#reader = new Reader(bytes, 'tree')
    this.#reader.offset = 1
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
    this.#nameStart = this.#skip(reader.varint())
    this.#nameEnd = reader.offset
    reader.varint()
    reader.varint()
    reader.varint()
    this.mtimeLow = reader.u32() | 0
    this.mtimeHigh = reader.u32() | 0
    this.size = 0
    this.count = 0
    const kind = kindOf(this.head)
    if (kind === 'file') this.size = reader.varint()
    else if (kind === 'directory') {
      this.size = reader.varint()
      this.count = reader.varint()
    } else if (kind === 'symlink') this.#skip(reader.varint())
    else if (kind === 'character-device' || kind === 'block-device') {
      reader.varint()
      reader.varint()
    }
    if ((this.head & entryFlags.content) > 0) this.#skip(33)
    if ((this.head & entryFlags.xattrs) > 0) {
      for (let left = reader.varint(); left > 0; left--) {
        this.#skip(reader.varint())
        this.#skip(reader.varint())
      }
    }
    if ((this.head & entryFlags.link) > 0) this.#skip(reader.varint())
  }

  #skip(length: number): number {
    return this.#reader.advance(length)
  }
}
