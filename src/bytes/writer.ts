/** Builds a byte string, growing as needed. The counterpart of {@link Reader}. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Makes room for `more` bytes and returns where they start. */
  #reserve(more: number): number {
    const start = this.length
    const needed = start + more
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, start))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.length = needed
    return start
  }

  u8(value: number): this {
    const at = this.#reserve(1)
    this.#bytes[at] = value
    return this
  }

  u32(value: number): this {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  i64(value: bigint): this {
    const at = this.#reserve(8)
    this.#view.setBigInt64(at, value, true)
    return this
  }

  /** Unsigned LEB128; `value` is a whole number from 0 to 2^53 - 1. */
  varint(value: number): this {
    while (value >= 128) {
      this.u8((value % 128) | 128)
      value = Math.floor(value / 128)
    }
    return this.u8(value)
  }

  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  /** The characters of `text` as a byte each; all must be below U+0100. */
  latin1(text: string): this {
    const at = this.#reserve(text.length)
    for (let i = 0; i < text.length; i++) this.#bytes[at + i] = text.charCodeAt(i)
    return this
  }

  /** A varint length, then the bytes. */
  prefixed(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes)
  }

  /** What was written so far, as a view that the next write may leave behind. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length)
  }

  /** A copy of what was written, of exactly its size. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length)
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.length = 0
  }
}
