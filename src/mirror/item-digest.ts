import { hash } from 'node:crypto'
import { nameToBytes, type Name } from '../bytes/name.ts'

/**
 * The digest of an item of a tree, as origins sum them up in their heads and mirrors prove it: SHA-256 of path,
 * NUL and detail.
 */
export function digestOfItem(path: Name, detail: string): Uint8Array {
  return new Uint8Array(hash('sha256', nameToBytes(`${path}\0${detail}`), 'buffer'))
}
