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

// The prefilter's weights for 8 words are multiplier * base^7 … * base, * 1 from the oldest to the newest, so a sum
// can be carried to the place two bytes on: times the base, plus the newest word, less the one that drops out. Only the
// low 16 bits of anything here count, so high ones are never masked off.
const base = 0xd8db
const multiplier = 0xbfc7
const dropped = 0x73e7 // multiplier * base^8
const target = 0x1c00

/** The first place in [from, to) where content decides to cut, or 0. */
function scan(view: DataView, from: number, to: number, shift: number): number {
  let place = nextHit(view, from, to)
  while (place !== 0 && !passes(view, place, shift)) place = nextHit(view, place + 1, to)
  return place
}

/**
 * The first place in [from, to) where the prefilter hits, or 0. Four places a step, on one load of what comes in and
 * one of what drops out, and two sums, each for every second place. Nothing else is done in the loop: what is rare
 * would cost it registers.
 */
function nextHit(view: DataView, from: number, to: number): number {
  let even = sum16(view, from - 2)
  let odd = sum16(view, from - 1)
  let at = from
  for (; at + 4 <= to; at += 4) {
    const newest = view.getInt32(at - 2, true)
    const oldest = view.getInt32(at - 18, true)
    even = carry(even, newest, oldest)
    if ((even & 0xff80) === target) return at
    odd = carry(odd, newest >>> 8, oldest >>> 8)
    if ((odd & 0xff80) === target) return at + 1
    even = carry(even, newest >>> 16, oldest >>> 16)
    if ((even & 0xff80) === target) return at + 2
    odd = carry(odd, view.getUint16(at + 1, true), view.getUint16(at - 15, true))
    if ((odd & 0xff80) === target) return at + 3
  }
  for (; at < to; at++) if ((sum16(view, at) & 0xff80) === target) return at
  return 0
}

function carry(sum: number, newest: number, oldest: number): number {
  return (Math.imul(sum, base) + ((Math.imul(newest, multiplier) - Math.imul(oldest, dropped)) | 0)) | 0
}

/** The prefilter's sum over the 16 bytes before `end`. */
function sum16(view: DataView, end: number): number {
  let sum = 0
  for (let at = end - 16; at < end; at += 2) {
    sum = (Math.imul(sum, base) + Math.imul(view.getUint16(at, true), multiplier)) | 0
  }
  return sum
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
