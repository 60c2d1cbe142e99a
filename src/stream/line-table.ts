import type { Lines } from './lines.ts'

/**
 * Gives lines numbers, so that texts can be compared as sequences of integers: two lines numbered by one table have one
 * number exactly when they have the same bytes.
 */
export class LineTable {
  /** One more than the greatest number given. */
  size = 0
  /** Number + 1 of each slot of the hash table; 0 is an empty one. */
  #slots: Int32Array
  #hashes: Int32Array
  /** A copy of each distinct line lies in the pool, from `#starts[number]` to `#starts[number + 1]`. */
  #pool: Buffer
  #starts: Int32Array

  constructor() {
    this.#slots = new Int32Array(1024)
    this.#hashes = new Int32Array(512)
    this.#starts = new Int32Array(513)
    this.#pool = Buffer.allocUnsafe(1 << 14)
  }

  /** The number of each line. */
  number(lines: Lines): Int32Array {
    const numbers = new Int32Array(lines.count)
    for (let i = 0; i < lines.count; i++) numbers[i] = this.#numberOf(lines, i)
    return numbers
  }

  #numberOf(text: Lines, line: number): number {
    const start = text.starts[line]!
    const end = text.starts[line + 1]!
    const hash = hashBytes(text.bytes, start, end)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1
      if (found < 0) return this.#add(slot, hash, text.bytes.subarray(start, end))
      if (this.#hashes[found] === hash && this.#holds(found, text.bytes, start, end)) return found
    }
  }

  #holds(number: number, bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.#starts[number]!
    const length = end - start
    if (this.#starts[number + 1]! - at !== length) return false
    const pool = this.#pool
    for (let k = 0; k < length; k++) if (pool[at + k] !== bytes[start + k]) return false
    return true
  }

  #add(slot: number, hash: number, line: Uint8Array): number {
    const at = this.#starts[this.size]!
    if (at + line.length > this.#pool.length) {
      const larger = Buffer.allocUnsafe(Math.max(at + line.length, 2 * this.#pool.length))
      larger.set(this.#pool.subarray(0, at))
      this.#pool = larger
    }
    this.#pool.set(line, at)
    const number = this.size++
    this.#starts[number + 1] = at + line.length
    this.#hashes[number] = hash
    this.#slots[slot] = number + 1
    if (this.size === this.#hashes.length) this.#grow()
    return number
  }

  #grow(): void {
    const hashes = new Int32Array(2 * this.size)
    hashes.set(this.#hashes)
    const starts = new Int32Array(2 * this.size + 1)
    starts.set(this.#starts)
    const slots = new Int32Array(4 * this.size)
    const mask = slots.length - 1
    for (let number = 0; number < this.size; number++) {
      let slot = hashes[number]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#hashes = hashes
    this.#starts = starts
    this.#slots = slots
  }
}

/** FNV-1a over four bytes at a time; only a hint, since equality is always checked on the bytes. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    const four = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = Math.imul(hash ^ four, 0x01000193)
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}
