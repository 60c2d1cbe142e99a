import { sha1 } from './sha1.ts'

/** A digest of bytes; all of one length. */
export type Digest = (bytes: Uint8Array) => Uint8Array

/** The cells of `size` that an item lies in; a cell may be named more than once. */
export type Selector = (item: Uint8Array, size: number) => readonly number[]

/** How items are hashed and spread. Both sides must use the same. */
export interface Scheme {
  readonly digest: Digest
  readonly selector: Selector
}

/**
 * mathsync's own selector: the digests of item ‖ size, item ‖ size + 1, … (big-endian 32 bits), read as signed
 * 32-bit numbers, their absolute values taken modulo the size. The size takes part so that two items which
 * collide in all cells of one level do not in the next.
 */
export function paddedSelector(digest: Digest = sha1, spread = 3): Selector {
  return (item, size) => {
    const padded = new Uint8Array(item.length + 4)
    padded.set(item)
    const view = new DataView(padded.buffer)
    const picks: number[] = []
    for (let pad = size; picks.length < spread; pad++) {
      view.setUint32(item.length, pad >>> 0)
      const material = digest(padded)
      const words = new DataView(material.buffer, material.byteOffset, material.length)
      for (let at = 0; at + 4 <= material.length && picks.length < spread; at += 4) {
        picks.push(Math.abs(words.getInt32(at)) % size)
      }
    }
    return picks
  }
}

/** SHA-1 and three cells an item, as mathsync has when nothing else is asked for. */
export const defaultScheme: Scheme = { digest: sha1, selector: paddedSelector() }
