import { corrupt } from '../errors.ts'
import { nameInBytes, type Name } from './name.ts'

/**
 * Reads a byte string front to back. Every method throws a `corrupt` error, with the offset, instead of
 * reading past the end, so a decoder built on it cannot run away on truncated or hostile input.
 * Slices share memory with the input.
 */
export class Reader {
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #what: string
  offset = 0

  /** `what` names the input in error messages ("pack footer"). */
  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#what = what
  }

  get remaining(): number {
    return this.bytes.length - this.offset
  }

  /** An error about this input at the current offset, for the caller to throw. */
  fail(problem: string): Error {
    return corrupt(this.#what, `${problem} at byte ${this.offset}`)
  }

  /** Goes past the next `length` bytes and returns where they start. */
  advance(length: number): number {
    if (length > this.bytes.length - this.offset) throw this.fail(`ends early (needs ${length} more bytes)`)
    const start = this.offset
    this.offset += length
    return start
  }

  u8(): number {
    return this.bytes[this.advance(1)]!
  }

  u32(): number {
    return this.#view.getUint32(this.advance(4), true)
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.advance(8), true)
  }

  /** Unsigned LEB128 below 2^53. Refuses longer and non-minimal forms, so each number has one encoding. */
  varint(): number {
    const first = this.bytes[this.offset]
    if (first !== undefined && first < 0x80) {
      this.offset++
      return first
    }
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw this.fail('number too large')
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) throw this.fail('number not in its shortest form')
        return value
      }
      scale *= 128
      if (scale > 2 ** 52) throw this.fail('number too long')
    }
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array {
    const start = this.advance(length)
    return this.bytes.subarray(start, start + length)
  }

  /** A varint length, then that many bytes; at most `limit`. */
  prefixed(limit: number): Uint8Array {
    return this.take(this.#length(limit))
  }

  /** The same, as a name. */
  name(limit: number): Name {
    const start = this.advance(this.#length(limit))
    return nameInBytes(this.bytes, start, this.offset)
  }

  #length(limit: number): number {
    const length = this.varint()
    if (length > limit) throw this.fail(`length ${length} is beyond the limit of ${limit}`)
    return length
  }

  /** Throws unless everything has been read. */
  end(): void {
    if (this.remaining > 0) throw this.fail(`${this.remaining} unexpected bytes`)
  }
}
