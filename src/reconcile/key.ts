import { TidemarkError } from '../errors.ts'
import { wordsOf } from './words.ts'
import { sha256 } from './sha256.ts'

/** Bytes of a salt. */
export const saltLength = 16

/**
 * What a salt becomes: the multipliers that turn an item's digest into its 8-byte id and the id into its
 * 4-byte check. Sketches can be combined only under the same salt.
 */
export interface SketchKey {
  readonly salt: Uint8Array
  /** 4 × (constant, 8 multipliers) for the lanes of the id, then 2 words for the check. */
  readonly words: Int32Array
}

const keyWords = 38
const label = new TextEncoder().encode('tidemark sketch key')

/** The key of a 16-byte salt. */
export function sketchKey(salt: Uint8Array): SketchKey {
  if (salt.length !== saltLength) {
    throw new TidemarkError('usage', `A salt has ${saltLength} bytes, this one has ${salt.length}`)
  }
  const seed = new Uint8Array(label.length + saltLength + 1)
  seed.set(label)
  seed.set(salt, label.length)
  const stream = new Uint8Array(32 * Math.ceil(keyWords / 8))
  for (let block = 0; 32 * block < stream.length; block++) {
    seed[seed.length - 1] = block
    sha256(seed, stream, 32 * block)
  }
  return { salt: new Uint8Array(salt), words: wordsOf(stream).slice(0, keyWords) }
}

export function sameKey(a: SketchKey, b: SketchKey): boolean {
  return a.salt.every((byte, at) => byte === b.salt[at])
}
