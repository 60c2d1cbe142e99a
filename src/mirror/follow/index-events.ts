import { closeSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { RecentReader, type Meta, type Preamble, type RecentEvent } from '../../recent/index.ts'
import { inIndex } from '../index-error.ts'

/** How an index file begins. */
export interface Beginning {
  readonly meta: Meta
  /** What stands before its events, and the first of them. */
  readonly preamble: Preamble
  readonly first: RecentEvent | undefined
}

export function beginning(path: string): Beginning {
  const reader = new RecentReader()
  let first: RecentEvent | undefined
  for (const events of eventPieces(path, reader, 4096)) {
    first ??= events[0]
    // In a JSON file the meta block may come last.
    if (first !== undefined && reader.meta !== undefined) break
  }
  const { preamble = '' } = reader
  return { meta: reader.meta!, first, preamble }
}

/** The events of an index file, in its order, in bounded memory. The file is closed when reading stops. */
export function* eventsIn(path: string, reader: RecentReader = new RecentReader()): Generator<RecentEvent> {
  for (const events of eventPieces(path, reader, 65_536)) yield* events
}

function* eventPieces(path: string, reader: RecentReader, pieceSize: number): Generator<RecentEvent[]> {
  const fd = openSync(path, 'r')
  try {
    const piece = new Uint8Array(pieceSize)
    for (;;) {
      const length = readSync(fd, piece, 0, piece.length, null)
      if (length === 0) break
      yield reader.push(piece.subarray(0, length))
    }
    yield reader.end()
  } catch (error) {
    throw inIndex(basename(path), error)
  } finally {
    closeSync(fd)
  }
}
