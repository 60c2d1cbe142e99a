import { mix } from './mix.ts'
import type { SketchKey } from './key.ts'

/** Bytes of an item's digest, and how many 32-bit words that is. */
export const digestLength = 32
export const digestWords = 8

/**
 * The ids of `count` digests (their little-endian words, from digest number `first`), as (lo, hi) pairs in `out`.
 *
 * An id is four lanes of 16 bits; each is the upper half of k0 + Σ ki·di modulo 2^32 over the first 16 bytes of
 * the digest as eight 16-bit words d. That family is pairwise independent (Dietzfelbinger 1996): before the
 * salt is known, no choice of two digests collides with a probability above 2^-64. Products and sums of
 * words, and nothing else, is also what every SQL engine does well.
 */
export function identify(
  key: SketchKey,
  digests: Int32Array,
  first: number,
  count: number,
  out: Int32Array,
): void {
  const k = key.words
  for (let i = 0; i < count; i++) {
    const at = (first + i) * digestWords
    const w0 = digests[at]!
    const w1 = digests[at + 1]!
    const w2 = digests[at + 2]!
    const w3 = digests[at + 3]!
    const d0 = w0 & 0xffff
    const d1 = w0 >>> 16
    const d2 = w1 & 0xffff
    const d3 = w1 >>> 16
    const d4 = w2 & 0xffff
    const d5 = w2 >>> 16
    const d6 = w3 & 0xffff
    const d7 = w3 >>> 16
    let h0 = k[0]!
    h0 = (h0 + Math.imul(k[1]!, d0)) | 0
    h0 = (h0 + Math.imul(k[2]!, d1)) | 0
    h0 = (h0 + Math.imul(k[3]!, d2)) | 0
    h0 = (h0 + Math.imul(k[4]!, d3)) | 0
    h0 = (h0 + Math.imul(k[5]!, d4)) | 0
    h0 = (h0 + Math.imul(k[6]!, d5)) | 0
    h0 = (h0 + Math.imul(k[7]!, d6)) | 0
    h0 = (h0 + Math.imul(k[8]!, d7)) | 0
    let h1 = k[9]!
    h1 = (h1 + Math.imul(k[10]!, d0)) | 0
    h1 = (h1 + Math.imul(k[11]!, d1)) | 0
    h1 = (h1 + Math.imul(k[12]!, d2)) | 0
    h1 = (h1 + Math.imul(k[13]!, d3)) | 0
    h1 = (h1 + Math.imul(k[14]!, d4)) | 0
    h1 = (h1 + Math.imul(k[15]!, d5)) | 0
    h1 = (h1 + Math.imul(k[16]!, d6)) | 0
    h1 = (h1 + Math.imul(k[17]!, d7)) | 0
    let h2 = k[18]!
    h2 = (h2 + Math.imul(k[19]!, d0)) | 0
    h2 = (h2 + Math.imul(k[20]!, d1)) | 0
    h2 = (h2 + Math.imul(k[21]!, d2)) | 0
    h2 = (h2 + Math.imul(k[22]!, d3)) | 0
    h2 = (h2 + Math.imul(k[23]!, d4)) | 0
    h2 = (h2 + Math.imul(k[24]!, d5)) | 0
    h2 = (h2 + Math.imul(k[25]!, d6)) | 0
    h2 = (h2 + Math.imul(k[26]!, d7)) | 0
    let h3 = k[27]!
    h3 = (h3 + Math.imul(k[28]!, d0)) | 0
    h3 = (h3 + Math.imul(k[29]!, d1)) | 0
    h3 = (h3 + Math.imul(k[30]!, d2)) | 0
    h3 = (h3 + Math.imul(k[31]!, d3)) | 0
    h3 = (h3 + Math.imul(k[32]!, d4)) | 0
    h3 = (h3 + Math.imul(k[33]!, d5)) | 0
    h3 = (h3 + Math.imul(k[34]!, d6)) | 0
    h3 = (h3 + Math.imul(k[35]!, d7)) | 0
    out[2 * i] = (h0 >>> 16) | (h1 & 0xffff0000)
    out[2 * i + 1] = (h2 >>> 16) | (h3 & 0xffff0000)
  }
}

/** The check of an id: never linear in XOR, so a sum of several ids does not match the sum of their checks. */
export function checkOf(key: SketchKey, lo: number, hi: number): number {
  return mix(hi ^ key.words[37]! ^ mix(lo ^ key.words[36]!))
}
