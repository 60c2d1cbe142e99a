import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { readId, writeId, idOf, type Id } from '../object/id.ts'
import { decodeSnapshot, encodeSnapshot, maxSnapshotSize } from '../object/snapshot.ts'
import type { Head } from './head.ts'

const mark = 0x41

/**
 * What a replica notes before it moves files (`.tidemark/pending`): a mark, the id of the snapshot that its files are
 * as, and the encoding of the one that it sets out for.
 */
export function encodePending(from: Id, to: Head): Uint8Array {
  const writer = new Writer(1024)
  writer.u8(mark)
  writeId(writer, from)
  return writer.prefixed(encodeSnapshot(to.snapshot)).finish()
}

/** Throws `corrupt`. */
export function decodePending(note: Uint8Array): { readonly from: Id; readonly to: Head } {
  const reader = new Reader(note, '.tidemark/pending')
  if (reader.u8() !== mark) throw reader.fail('not a note of what is pending')
  const from = readId(reader)
  const bytes = reader.prefixed(maxSnapshotSize)
  reader.end()
  return { from, to: { id: idOf(bytes), snapshot: decodeSnapshot(bytes) } }
}
