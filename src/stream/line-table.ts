import type { Lines } from './lines.ts'

/** A text whose lines have numbers. */
export interface NumberedText {
  readonly lines: Lines
  /** Of each line. Two lines numbered by one table have one number exactly when they have the same bytes. */
  readonly numbers: Int32Array
}

/** So many lines are compared at once where two texts are likely to be equal. */
const stride = 16

/**
 * Gives lines numbers, so that texts can be compared as sequences of integers. A text that is much like one
 * numbered before costs little more than comparing the two byte by byte.
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

  /** How many bytes of lines the table holds. */
  get bytes(): number {
    return this.#starts[this.size]!
  }

  /** Numbers the lines of a text; `like` is one that it probably resembles. */
  number(lines: Lines, like?: NumberedText): NumberedText {
    const numbers = new Int32Array(lines.count)
    if (like === undefined) for (let i = 0; i < lines.count; i++) numbers[i] = this.#numberOf(lines, i)
    else this.#numberLike(lines, numbers, like)
    return { lines, numbers }
  }

  /**
   * Goes through both texts side by side. Where they part, lines are looked up one by one, until one is found
   * that the other text has, or that is equal to the line as far on as lines have been looked up (they were
   * replaced) or to the line where the texts parted (they were added).
   */
  #numberLike(lines: Lines, numbers: Int32Array, like: NumberedText): void {
    const places = new Int32Array(this.size).fill(-1)
    for (let i = like.numbers.length - 1; i >= 0; i--) places[like.numbers[i]!] = i
    let other = 0
    let apart = 0
    for (let i = 0; i < lines.count;) {
      let run = equalRun(lines, i, like.lines, other)
      if (run === 0 && apart > 0) {
        run = equalRun(lines, i, like.lines, other + apart)
        if (run > 0) other += apart
      }
      if (run > 0) {
        numbers.set(like.numbers.subarray(other, other + run), i)
        i += run
        other += run
        apart = 0
        continue
      }
      const known = this.#numberOf(lines, i)
      numbers[i++] = known
      const place = known < places.length ? places[known]! : -1
      if (place < 0) apart++
      else {
        other = place + 1
        apart = 0
      }
    }
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

/** How many lines of `a` from `i` on equal those of `b` from `j` on, as far as the first stride that is not equal. */
function equalRun(a: Lines, i: number, b: Lines, j: number): number {
  const most = Math.min(a.count - i, b.count - j)
  let run = 0
  while (run < most) {
    const length = Math.min(stride, most - run)
    const equal = equalLines(a, i + run, b, j + run, length)
    run += equal
    if (equal < length) break
  }
  return run
}

/** How many of `count` lines of `a` from `i` on equal those of `b` from `j` on. */
function equalLines(a: Lines, i: number, b: Lines, j: number, count: number): number {
  const aStart = a.starts[i]!
  const bStart = b.starts[j]!
  const aEnd = a.starts[i + count]!
  const bEnd = b.starts[j + count]!
  if (aEnd - aStart === bEnd - bStart && equalBytesAt(a.bytes, aStart, aEnd, b.bytes, bStart, bEnd))
    return count
  // Bytes that differ lie in the first line that differs, and so does the end of its length.
  let at = 0
  const shared = Math.min(aEnd - aStart, bEnd - bStart)
  while (at < shared && a.bytes[aStart + at] === b.bytes[bStart + at]) at++
  let equal = 0
  while (equal < count) {
    const end = a.starts[i + equal + 1]! - aStart
    if (end > at || b.starts[j + equal + 1]! - bStart !== end) break
    equal++
  }
  return equal
}

function equalBytesAt(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  return Buffer.prototype.compare.call(a, b, bStart, bEnd, aStart, aEnd) === 0
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
