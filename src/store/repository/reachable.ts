import { decodeList } from '../../object/content.ts'
import type { ContentRef } from '../../object/content.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { Id } from '../../object/id.ts'
import { decodeLeaf, decodeNode } from '../../object/tree.ts'
import type { CallOptions } from '../bucket.ts'
import type { Store } from '../store.ts'

/** A chunk that names others: a leaf (level 0) or node of a tree, or a list of contents (level 1 and up). */
export interface Piece {
  readonly kind: 'tree' | 'list'
  readonly level: number
  readonly id: Id
}

/** A chunk of a file. */
export interface DataChunk {
  readonly id: Id
  /** Bytes. */
  readonly length: number
}

export interface Visitor {
  /** True when the piece is to be read and what it names visited. Called each time it is met. */
  enter(piece: Piece): boolean
  /** Called each time a chunk of a file is met. */
  data(chunk: DataChunk): void
}

/** Pieces that are read at once: a distant repository takes long for each. */
const readAhead = 16

/** Meets every chunk that `root` needs, in no particular order. Rejects as `store` does, or `corrupt`. */
export async function visitReachable(
  store: Pick<Store, 'get'>,
  root: DirectoryEntry,
  visitor: Visitor,
  options?: CallOptions,
): Promise<void> {
  const waiting: Piece[] = []
  const meet = (part: Piece | DataChunk): void => {
    if (!('kind' in part)) visitor.data(part)
    else if (visitor.enter(part)) waiting.push(part)
  }
  for (const part of directoryParts(root)) meet(part)
  while (waiting.length > 0) {
    // Those met last first: the list stays short, and neighbours in a pack are read together.
    const batch = waiting.splice(-readAhead)
    const read = await Promise.all(batch.map(({ id }) => store.get(id, options)))
    for (const [n, piece] of batch.entries()) for (const part of partsOf(piece, read[n]!)) meet(part)
  }
}

/** What a piece names. Throws `corrupt`. */
export function partsOf({ kind, level }: Piece, bytes: Uint8Array): (Piece | DataChunk)[] {
  const parts: (Piece | DataChunk)[] = []
  if (kind === 'list') {
    for (const { id, length } of decodeList(bytes, level)) {
      if (id === undefined) continue
      parts.push(level === 1 ? { id, length } : { kind, level: level - 1, id })
    }
  } else if (level > 0) {
    for (const { id } of decodeNode(bytes, level)) parts.push({ kind, level: level - 1, id })
  } else {
    for (const entry of decodeLeaf(bytes)) {
      if (entry.kind === 'directory') parts.push(...directoryParts(entry))
      else if (entry.kind === 'file') parts.push(...fileParts(entry.content, entry.size))
    }
  }
  return parts
}

export function directoryParts({ content }: DirectoryEntry): Piece[] {
  return content === undefined ? [] : [{ kind: 'tree', level: content.depth, id: content.id }]
}

export function fileParts(content: ContentRef | undefined, size: number): (Piece | DataChunk)[] {
  if (content === undefined) return []
  const { depth, id } = content
  return depth === 0 ? [{ id, length: size }] : [{ kind: 'list', level: depth, id }]
}
