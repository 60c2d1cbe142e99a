import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { idLength, readId, writeId } from '../../object/id.ts'
import type { Want } from '../peer.ts'

/** How many wishes fit into a message. */
export const maxWants = 1024

/** At most {@link maxWants} wishes: for each a byte that tells whether an older chunk follows, and the ids. */
export function encodeWants(wants: readonly Want[], withLikes: boolean): Uint8Array<ArrayBuffer> {
  const writer = new Writer(wants.length * (1 + 2 * idLength))
  for (const { id, like } of wants) {
    const sendsLike = withLikes && like !== undefined && like !== id
    writeId(writer.u8(sendsLike ? 1 : 0), id)
    if (sendsLike) writeId(writer, like)
  }
  return writer.finish()
}

/** Throws `corrupt`. */
export function decodeWants(message: Uint8Array): Want[] {
  const reader = new Reader(message, 'wishes')
  const wants: Want[] = []
  while (reader.remaining > 0) {
    const mark = reader.u8()
    if (mark > 1 || wants.length === maxWants) throw reader.fail('bad wishes')
    const id = readId(reader)
    wants.push({ id, like: mark === 1 ? readId(reader) : undefined })
  }
  return wants
}
