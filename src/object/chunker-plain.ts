import type { ChunkSize } from './chunk-class.ts'

/**
 * The plain twin of wasm/chunker.ts: the same cuts from any JavaScript engine. The contract is that of
 * `Chunker.cut` over `bytes`.
 */
export function cutPlain(bytes: Uint8Array, start: number, end: number, size: ChunkSize): number {
  if (end - start <= size.min) return end
  const last = Math.min(end, start + size.max)
  const turn = Math.min(last, start + size.average)
  const bits = 31 - Math.clz32(size.average) - 9
  const place = scan(bytes, start + size.min, turn, 32 - (bits + 2))
  if (place !== 0) return place
  return scan(bytes, turn, last, 32 - (bits - 2)) || last
}

// The prefilter's weights are multiplier * base^3, * base^2, * base, 1 for the oldest word to the newest, so
// that the sum can be carried from a place to the one two bytes on: times the base, plus the newest word, less the
// one that drops out.
const base = 0x23ad
const multiplier = 0xd6cd
const dropped = 0xdb9d // multiplier * base^4
const target = 0x6d00

/** The first place in [from, to) where content decides to cut, or 0. */
function scan(bytes: Uint8Array, from: number, to: number, shift: number): number {
  // Two sums, for the places at even and at odd distances from `from`. Only their low 16 bits count; they
  // stay 32-bit numbers, which engines keep in registers.
  let even = 0
  let odd = 0
  for (let at = from - 6; at <= from; at += 2) {
    even = (Math.imul(even, base) + Math.imul(wordBefore(bytes, at), multiplier)) | 0
    odd = (Math.imul(odd, base) + Math.imul(wordBefore(bytes, at + 1), multiplier)) | 0
  }
  for (let at = from; at < to; at += 2) {
    if ((even & 0xff80) === target && passes(bytes, at, shift)) return at
    if ((odd & 0xff80) === target && at + 1 < to && passes(bytes, at + 1, shift)) return at + 1
    even =
      (Math.imul(even, base) +
        Math.imul(wordBefore(bytes, at + 2), multiplier) -
        Math.imul(wordBefore(bytes, at - 6), dropped)) |
      0
    odd =
      (Math.imul(odd, base) +
        Math.imul(wordBefore(bytes, at + 3), multiplier) -
        Math.imul(wordBefore(bytes, at - 5), dropped)) |
      0
  }
  return 0
}

/** The 16-bit number before place `at`, little-endian; bytes past the end of `bytes` are 0 and are not used. */
function wordBefore(bytes: Uint8Array, at: number): number {
  return (bytes[at - 2] as number) | ((bytes[at - 1] as number) << 8)
}

function passes(bytes: Uint8Array, at: number, shift: number): boolean {
  return strong(bytes, at) >>> shift === 0 && !periodic(bytes, at)
}

const weights = [
  0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1, 0xd3a2646d, 0xfd7046c5, 0xb55a4f09, 0x9e3779b1,
]

/** 32 bits over the 32 bytes before `end`. */
function strong(bytes: Uint8Array, end: number): number {
  let hash = 0x9e3779b9
  let at = end - 32
  for (const weight of weights) {
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)
    hash = (hash + Math.imul(low | (high << 16), weight)) | 0
    at += 4
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return hash ^ (hash >>> 15)
}

/** Whether the 16 bytes before `end` equal the 16 bytes that lie 1 to 16 places further back. */
function periodic(bytes: Uint8Array, end: number): boolean {
  for (let distance = 1; distance <= 16; distance++) {
    let at = end - 16
    while (at < end && bytes[at] === bytes[at - distance]) at++
    if (at === end) return true
  }
  return false
}
