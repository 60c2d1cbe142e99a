import { fromHex } from '../bytes/hex.ts'
import type { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { sha256 } from '../hash/sha256.ts'

/**
 * What names a chunk: the SHA-256 of its bytes, as a string of 32 characters of one byte each (U+0000 to
 * U+00FF). In this form it is a fast Map key and compares as its bytes do.
 */
export type Id = string

export const idLength = 32

export function idOf(bytes: Uint8Array): Id {
  return sha256(bytes)
}

/** Lower-case hexadecimal, 64 characters: the form that people and file names see. */
export function idToHex(id: Id): string {
  let hex = ''
  for (let i = 0; i < id.length; i++) hex += id.charCodeAt(i).toString(16).padStart(2, '0')
  return hex
}

/** The id written as 64 hexadecimal characters; undefined when `hex` is anything else. */
export function idFromHex(hex: string): Id | undefined {
  const bytes = hex.length === 2 * idLength ? fromHex(hex) : undefined
  return bytes && idFromBytes(bytes, 0)
}

const characters: number[] = Array.from({ length: idLength }, () => 0)

export function idFromBytes(bytes: Uint8Array, start: number): Id {
  if (start + idLength > bytes.length) throw new RangeError('an id has 32 bytes')
  // A view would cost more than these copies.
  for (let i = 0; i < idLength; i++) characters[i] = bytes[start + i]!
  return String.fromCharCode.apply(null, characters)
}

export function idToBytes(id: Id, into: Uint8Array, start: number): void {
  for (let i = 0; i < idLength; i++) into[start + i] = id.charCodeAt(i)
}

export function writeId(writer: Writer, id: Id): void {
  writer.latin1(id)
}

export function readId(reader: Reader): Id {
  return idFromBytes(reader.bytes, reader.advance(idLength))
}
