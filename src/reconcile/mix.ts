/**
 * A bijection of 32-bit words in which every output bit depends on every input bit (C. Wellons' two-round
 * "lowbias32" family). Both multipliers are below 2^31, so SQL engines compute it in signed 64-bit integers
 * without overflow. It is no secret function: where a secret matters, its input is keyed.
 */
export function mix(x: number): number {
  x ^= x >>> 16
  x = Math.imul(x, 0x21f0aaad)
  x ^= x >>> 15
  x = Math.imul(x, 0x735a2d97)
  return x ^ (x >>> 15)
}

/** 2^32 divided by the golden ratio: its multiples are the round constants of the mapping. */
export const golden = 0x9e3779b9
