import type { ChunkSize } from '../../../src/object/chunk-class.ts'
import type { Chunker } from '../../../src/object/chunker.ts'

/** docs/format/chunker.md word for word, a place at a time: what both kernels are held against. */
export function cutReference(content: Uint8Array, start: number, size: ChunkSize): number {
  const rest = content.length - start
  if (rest <= size.min) return content.length
  const limit = Math.min(rest, size.max)
  const bits = Math.log2(size.average)
  for (let length = size.min; length < limit; length++) {
    const end = start + length
    if (prefilterSum(content, end) >>> 7 !== 0x38) continue
    const needed = length < size.average ? bits - 7 : bits - 11
    if (strongHash(content, end) >= 2 ** (32 - needed)) continue
    if (!isPeriodic(content, end)) return end
  }
  return start + limit
}

export function prefilterSum(content: Uint8Array, end: number): number {
  const weights = [0xe8e5, 0x113f, 0xf46d, 0x6657, 0xd335, 0xf92f, 0xf73d, 0xbfc7]
  let sum = 0
  for (const [j, weight] of weights.entries()) {
    sum += weight * (byte(content, end - 16 + 2 * j) + 256 * byte(content, end - 15 + 2 * j))
  }
  return sum % 65_536
}

export function strongHash(content: Uint8Array, end: number): number {
  const weights = [
    0x85ebca6bn,
    0xc2b2ae35n,
    0x27d4eb2fn,
    0x165667b1n,
    0xd3a2646dn,
    0xfd7046c5n,
    0xb55a4f09n,
    0x9e3779b1n,
  ]
  let hash = 0x9e3779b9n
  for (const [j, weight] of weights.entries()) {
    for (let k = 0; k < 4; k++)
      hash += weight * (BigInt(byte(content, end - 32 + 4 * j + k)) << BigInt(8 * k))
  }
  hash %= 1n << 32n
  hash = ((hash ^ (hash >> 15n)) * 0x2c1b3c6dn) % (1n << 32n)
  hash = ((hash ^ (hash >> 12n)) * 0x297a2d39n) % (1n << 32n)
  return Number(hash ^ (hash >> 15n))
}

function isPeriodic(content: Uint8Array, end: number): boolean {
  const last = content.subarray(end - 16, end)
  for (let d = 1; d <= 16; d++) {
    if (last.every((value, i) => value === content[end - 16 - d + i])) return true
  }
  return false
}

function byte(content: Uint8Array, at: number): number {
  const value = content[at]
  if (value === undefined) throw new RangeError(`a window that leaves the content at ${at}`)
  return value
}

/** The ends of all chunks of `content`. */
export function cutsReference(content: Uint8Array, size: ChunkSize): number[] {
  const cuts: number[] = []
  for (let at = 0; at < content.length; cuts.push(at)) at = cutReference(content, at, size)
  return cuts
}

/** The same from a chunker, the content lying at `offset` in its memory. */
export function cutsOf(chunker: Chunker, content: Uint8Array, size: ChunkSize, offset = 0): number[] {
  chunker.memory.set(content, offset)
  const cuts: number[] = []
  const end = offset + content.length
  for (let at = offset; at < end; cuts.push(at - offset)) at = chunker.cut(at, end, size)
  return cuts
}

/** A content as parts, in the words of the golden files. */
export type Part =
  | { readonly kind: 'random'; readonly seed: number; readonly length: number }
  | { readonly kind: 'letters'; readonly alphabet: string; readonly seed: number; readonly length: number }
  | { readonly kind: 'repeat'; readonly hex: string; readonly length: number }

export function makeContent(parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(makePart(part), at)
    at += part.length
  }
  return bytes
}

function makePart(part: Part): Uint8Array {
  const bytes = new Uint8Array(part.length)
  if (part.kind === 'repeat') {
    const pattern = Buffer.from(part.hex, 'hex')
    for (let i = 0; i < bytes.length; i++) bytes[i] = byte(pattern, i % pattern.length)
    return bytes
  }
  let state = part.seed
  for (let i = 0; i < bytes.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const value = state >>> 24
    bytes[i] = part.kind === 'random' ? value : part.alphabet.charCodeAt(value % part.alphabet.length)
  }
  return bytes
}
