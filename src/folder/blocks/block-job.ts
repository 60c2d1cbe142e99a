import { nameFromBytes, nameToBytes } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { readId, writeId, type Id } from '../../object/id.ts'
import type { ChunkPlace } from '../chunk-places.ts'

/*
 * What a thread is to read, and where it has put that, travel as bytes: objects would cost more than the reading.
 */

/** A chunk, and where it is likely to stand. */
export interface ChunkAt extends ChunkPlace {
  readonly id: Id
}

const longest = 1_000_000

export function packPlaces(places: readonly ChunkAt[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(64 + 80 * places.length)
  let last: string | undefined
  for (const { id, directory, name, start, length } of places) {
    // Most files stand in the directory of the one before.
    if (directory === last) writer.u8(0)
    else writer.u8(1).prefixed(nameToBytes(directory))
    last = directory
    writeId(writer.prefixed(nameToBytes(name)).varint(start).varint(length), id)
  }
  return writer.finish()
}

export function* unpackPlaces(bytes: Uint8Array): Generator<ChunkAt> {
  const reader = new Reader(bytes, 'places')
  let directory = ''
  while (reader.remaining > 0) {
    if (reader.u8() === 1) directory = reader.name(longest)
    const name = nameFromBytes(reader.prefixed(longest))
    yield { directory, name, start: reader.varint(), length: reader.varint(), id: readId(reader) }
  }
}

/** For each place in turn: the number of the block in which it is now, -1 when it could not be read; and where in it. */
export type Placing = Int32Array<ArrayBuffer>

export function placeAt(placing: Placing, n: number): { readonly block: number; readonly offset: number } {
  return { block: placing[2 * n]!, offset: placing[2 * n + 1]! }
}
