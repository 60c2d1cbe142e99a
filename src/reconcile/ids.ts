import { corrupt } from '../errors.ts'
import type { Ids } from './peel.ts'
import { putWords, wordsOf } from './words.ts'

/** Bytes of an id. */
export const idLength = 8

/** The 16 hexadecimal digits of one id: its bytes as they stand in a cell. */
export function idToHex(lo: number, hi: number): string {
  const bytes = new Uint8Array(idLength)
  putWords(Int32Array.of(lo, hi), bytes, 0)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function encodeIds(ids: Ids): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * ids.length)
  putWords(ids, bytes, 0)
  return bytes
}

export function decodeIds(bytes: Uint8Array): Ids {
  if (bytes.length % idLength !== 0) throw corrupt('list of ids', 'it ends within an id')
  return wordsOf(bytes).slice()
}
