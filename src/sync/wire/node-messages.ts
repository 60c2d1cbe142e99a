import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import type { ContentRef } from '../../object/content.ts'
import { maxDepth } from '../../object/content.ts'
import { readId, writeId, type Id } from '../../object/id.ts'
import { decodeIds, encodeIds, saltLength, type Ids } from '../../reconcile/index.ts'

/** The tree whose nodes are meant, and the salt of its sketch. */
export interface NodesRequest {
  readonly root: ContentRef
  readonly salt: Uint8Array
}

/** What the caller wants to know of the set of nodes. */
export type NodesQuestion =
  | { readonly kind: 'cells'; readonly from: number; readonly to: number }
  | { readonly kind: 'names'; readonly ids: Ids }
  | { readonly kind: 'list'; readonly from: number }

const kinds = { cells: 1, names: 2, list: 3 } as const

/** Cells that are asked for at a time, and in all; ids that are named or listed at a time. */
export const mostCells = 65_536
export const mostCellsInAll: number = 2 ** 20
export const mostIds = 8192

export function encodeNodesRequest({ root, salt }: NodesRequest): Uint8Array<ArrayBuffer> {
  const writer = new Writer(64).u8(root.depth)
  writeId(writer, root.id)
  return writer.raw(salt).finish()
}

export function decodeNodesRequest(parameters: Uint8Array): NodesRequest {
  const reader = new Reader(parameters, 'request for nodes')
  const depth = reader.u8()
  if (depth > maxDepth) throw reader.fail('too deep')
  const root = { depth, id: readId(reader) }
  const salt = new Uint8Array(reader.take(saltLength))
  reader.end()
  return { root, salt }
}

export function encodeNodesQuestion(question: NodesQuestion): Uint8Array<ArrayBuffer> {
  const writer = new Writer(64).u8(kinds[question.kind])
  if (question.kind === 'cells') return writer.varint(question.from).varint(question.to).finish()
  if (question.kind === 'list') return writer.varint(question.from).finish()
  return writer.raw(encodeIds(question.ids)).finish()
}

export function decodeNodesQuestion(message: Uint8Array): NodesQuestion {
  const reader = new Reader(message, 'question about nodes')
  const kind = reader.u8()
  if (kind === kinds.names) {
    if (reader.remaining > mostIds * 8) throw reader.fail('too many ids')
    return { kind: 'names', ids: decodeIds(reader.take(reader.remaining)) }
  }
  if (kind !== kinds.cells && kind !== kinds.list) throw reader.fail(`unknown question ${kind}`)
  const from = reader.varint()
  const to = kind === kinds.cells ? reader.varint() : from
  reader.end()
  if (kind === kinds.list) return { kind: 'list', from }
  if (to <= from || to - from > mostCells || to > mostCellsInAll) throw reader.fail('bad cells')
  return { kind: 'cells', from, to }
}

export function encodeIdList(ids: readonly Id[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(32 * ids.length)
  for (const id of ids) writeId(writer, id)
  return writer.finish()
}

/** Throws `corrupt`, also for more than `most`. */
export function decodeIdList(message: Uint8Array, most: number): Id[] {
  const reader = new Reader(message, 'list of nodes')
  const ids: Id[] = []
  while (reader.remaining > 0) {
    if (ids.length === most) throw reader.fail('more than were asked for')
    ids.push(readId(reader))
  }
  return ids
}
