import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { TidemarkError } from '../../errors.ts'
import { idOf, readId, writeId, type Id } from '../../object/id.ts'
import { decodeSnapshot, encodeSnapshot } from '../../object/snapshot.ts'
import type { Head } from '../head.ts'
import { maxMessage } from './limits.ts'

/** Two of them fit into a message. */
const maxHead = maxMessage / 2 - 64

/** Throws `limit` for a snapshot that is larger than what travels. */
export function writeHead(writer: Writer, { id, snapshot }: Head): Writer {
  const bytes = encodeSnapshot(snapshot)
  if (bytes.length > maxHead) {
    throw new TidemarkError('limit', `a snapshot of ${bytes.length} bytes is too large to be sent`)
  }
  writeId(writer, id)
  return writer.prefixed(bytes)
}

/** Throws `corrupt` for what is not the snapshot that it claims to be. */
export function readHead(reader: Reader): Head {
  const id = readId(reader)
  const bytes = reader.prefixed(maxHead)
  if (idOf(bytes) !== id) throw reader.fail('a snapshot that does not match its id')
  return { id, snapshot: decodeSnapshot(bytes) }
}

export function encodeHeads(heads: readonly Head[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(1024)
  for (const head of heads) writeHead(writer, head)
  return writer.finish()
}

/** Exactly `count` heads. */
export function decodeHeads(message: Uint8Array | undefined, count: number): Head[] {
  const reader = new Reader(message ?? new Uint8Array(0), 'snapshots')
  const heads = Array.from({ length: count }, () => readHead(reader))
  reader.end()
  return heads
}

/** Ids are asked for so many at a time. */
const maxIds = 64

export function encodeIds(ids: readonly Id[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(32 * ids.length)
  for (const id of ids) writeId(writer, id)
  return writer.finish()
}

/** Throws `corrupt`, and `limit` when there are too many. */
export function decodeIds(message: Uint8Array | undefined): Id[] {
  const reader = new Reader(message ?? new Uint8Array(0), 'ids')
  const ids: Id[] = []
  while (reader.remaining > 0) {
    if (ids.length === maxIds) throw new TidemarkError('limit', 'too many snapshots are asked for at a time')
    ids.push(readId(reader))
  }
  return ids
}

/** What `head` asks. */
export interface HeadRequest {
  readonly after: Id | undefined
  /** The asking side has that snapshot: it need not be sent again. */
  readonly holds: boolean
  /** Milliseconds. */
  readonly waitMs: number
}

const [hasAfter, holdsAfter] = [1, 2]
/** Nobody is kept waiting longer: he asks again. */
const longestWait = 600_000

export function encodeHeadRequest({ after, holds, waitMs }: HeadRequest): Uint8Array<ArrayBuffer> {
  const writer = new Writer(64).u8((after === undefined ? 0 : hasAfter) | (holds ? holdsAfter : 0))
  if (after !== undefined) writeId(writer, after)
  return writer.varint(Math.min(Math.max(0, Math.round(waitMs)), longestWait)).finish()
}

export function decodeHeadRequest(parameters: Uint8Array): HeadRequest {
  const reader = new Reader(parameters, 'request for the head')
  const flags = reader.u8()
  if (flags > 3 || flags === holdsAfter) throw reader.fail('bad flags')
  const after = (flags & hasAfter) === 0 ? undefined : readId(reader)
  const waitMs = Math.min(reader.varint(), longestWait)
  reader.end()
  return { after, holds: (flags & holdsAfter) !== 0, waitMs }
}

/** The answer: empty when nothing is new. */
export function encodeHeadAnswer(head: Head, { after, holds }: HeadRequest): Uint8Array<ArrayBuffer> {
  return holds && head.id === after ? new Uint8Array(0) : encodeHeads([head])
}

/** Undefined when nothing is new. */
export function decodeHeadAnswer(message: Uint8Array | undefined): Head | undefined {
  return message?.length === 0 ? undefined : decodeHeads(message, 1)[0]
}
