import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { corrupt } from '../../errors.ts'
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

/** How chunks are to come; `blocks` as in `FetchBlocksOptions`. */
export interface FetchRequest {
  readonly blocks: 'opened' | 'kept' | undefined
}

const [mayBeBlocks, areKept] = [1, 2]

export function encodeFetch({ blocks }: FetchRequest): Uint8Array<ArrayBuffer> {
  if (blocks === undefined) return new Uint8Array(0)
  return Uint8Array.of(blocks === 'kept' ? mayBeBlocks | areKept : mayBeBlocks)
}

/** Throws `corrupt`. */
export function decodeFetch(parameters: Uint8Array): FetchRequest {
  const [flags = 0] = parameters
  if (parameters.length > 1 || flags === areKept || flags > (mayBeBlocks | areKept))
    throw corrupt('wire', 'bad parameters of fetch')
  if (flags === 0) return { blocks: undefined }
  return { blocks: (flags & areKept) === 0 ? 'opened' : 'kept' }
}
