import type { ChunkSize } from './chunk-class.ts'

/** The plain twin of wasm/chunker.ts: the same cuts from any JavaScript engine, over memory of its own. */
export function plainKernel(memoryBytes: number): {
  memory: Uint8Array<ArrayBuffer>
  cut: (start: number, end: number, size: ChunkSize) => number
} {
  const memory = new Uint8Array(memoryBytes)
  const view = new DataView(memory.buffer)
  return { memory, cut: (start, end, size) => cut(view, start, end, size) }
}

/** See `Chunker.cut`. */
function cut(view: DataView, start: number, end: number, size: ChunkSize): number {
  if (end - start <= size.min) return end
  const last = Math.min(end, start + size.max)
  const turn = Math.min(last, start + size.average)
  const bits = 31 - Math.clz32(size.average) - 9
  const place = scan(view, start + size.min, turn, 32 - (bits + 2))
  if (place !== 0) return place
  return scan(view, turn, last, 32 - (bits - 2)) || last
}

// The prefilter's weights are multiplier * base^3, * base^2, * base and * 1 from the oldest word to the newest, so
// its sum over 8 bytes is that over the older 4 times base^2, plus that over the newer 4, which is at hand again
// 4 places on as the older. Only the low 16 bits of anything here count, so high ones are never masked.
const base = 0x23ad
const baseSquared = Math.imul(base, base)
const multiplier = 0xd6cd
const target = 0x6d00

/**
 * The first place in [from, to) where content decides to cut, or 0. Four places a step, from one load: places
 * before `from` are looked at in the first step only to fill what is carried from step to step.
 */
function scan(view: DataView, from: number, to: number, shift: number): number {
  let older = view.getInt32(from - 9, true)
  let word2 = Math.imul(older >>> 8, multiplier)
  let word3 = Math.imul(older >>> 16, multiplier)
  let half0 = 0
  let half1 = 0
  let half2 = 0
  let half3 = 0
  let at = from - 4
  for (; at + 4 <= to; at += 4) {
    const bytes = view.getInt32(at - 1, true)
    const word0 = Math.imul((older >>> 24) | (bytes << 8), multiplier)
    const word1 = Math.imul(bytes, multiplier)
    const new0 = (Math.imul(word2, base) + word0) | 0
    const new1 = (Math.imul(word3, base) + word1) | 0
    word2 = Math.imul(bytes >>> 8, multiplier)
    word3 = Math.imul(bytes >>> 16, multiplier)
    const new2 = (Math.imul(word0, base) + word2) | 0
    const new3 = (Math.imul(word1, base) + word3) | 0
    const sum0 = (Math.imul(half0, baseSquared) + new0) | 0
    const sum1 = (Math.imul(half1, baseSquared) + new1) | 0
    const sum2 = (Math.imul(half2, baseSquared) + new2) | 0
    const sum3 = (Math.imul(half3, baseSquared) + new3) | 0
    if ((sum0 & 0xff80) === target && at >= from && passes(view, at, shift)) return at
    if ((sum1 & 0xff80) === target && at >= from && passes(view, at + 1, shift)) return at + 1
    if ((sum2 & 0xff80) === target && at >= from && passes(view, at + 2, shift)) return at + 2
    if ((sum3 & 0xff80) === target && at >= from && passes(view, at + 3, shift)) return at + 3
    older = bytes
    half0 = new0
    half1 = new1
    half2 = new2
    half3 = new3
  }
  for (; at < to; at++) if (at >= from && hits(view, at) && passes(view, at, shift)) return at
  return 0
}

/** The prefilter at a single place. */
function hits(view: DataView, place: number): boolean {
  let sum = 0
  for (let at = place - 8; at < place; at += 2) {
    sum = (Math.imul(sum, base) + Math.imul(view.getUint16(at, true), multiplier)) | 0
  }
  return (sum & 0xff80) === target
}

function passes(view: DataView, place: number, shift: number): boolean {
  return strong(view, place) >>> shift === 0 && !periodic(view, place)
}

const weights = [
  0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1, 0xd3a2646d, 0xfd7046c5, 0xb55a4f09, 0x9e3779b1,
]

/** 32 bits over the 32 bytes before `end`. */
function strong(view: DataView, end: number): number {
  let hash = 0x9e3779b9
  let at = end - 32
  for (const weight of weights) {
    hash = (hash + Math.imul(view.getInt32(at, true), weight)) | 0
    at += 4
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return hash ^ (hash >>> 15)
}

/** Whether the 16 bytes before `end` equal the 16 bytes that lie 1 to 16 places further back. */
function periodic(view: DataView, end: number): boolean {
  for (let distance = 1; distance <= 16; distance++) {
    let at = end - 16
    while (at < end && view.getUint8(at) === view.getUint8(at - distance)) at++
    if (at === end) return true
  }
  return false
}
