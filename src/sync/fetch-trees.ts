import { TidemarkError } from '../errors.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import type { Id } from '../object/id.ts'
import { decodeLeaf, decodeNode } from '../object/tree.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { maxPathDepth } from '../tree/path.ts'
import type { Peer } from './peer.ts'
import { fetchPieces, type Piece, type PieceStore } from './pieces.ts'

/** No directory has more levels of nodes above its leaves. */
const maxLevels = 7

/**
 * Fetches all of the tree `wanted` that is not here, level by level: as many round trips as the tree is deep.
 * What it shares with `known`, which is here whole, is left out unread; everything else is gone through, also
 * where it is here: what an interrupted transfer has left need not be whole.
 */
export async function fetchTrees(
  store: PieceStore,
  peer: Peer,
  wanted: DirectoryEntry,
  known: DirectoryEntry | undefined,
  options: CallOptions = {},
): Promise<void> {
  const met = new Set<Id>()
  let pieces = [...newPiece(wanted, known)]
  for (let depth = 0; pieces.length > 0; depth++) {
    if (depth > maxPathDepth * maxLevels)
      throw new TidemarkError('limit', `${peer.name}: its tree goes too deep`)
    const next: Piece[] = []
    for await (const [piece, bytes] of fetchPieces(store, peer, pieces, options)) {
      for (const below of await piecesBelow(store, piece, bytes, options)) {
        if (below.id === below.like || met.has(below.id)) continue
        met.add(below.id)
        next.push(below)
      }
    }
    pieces = next
  }
}

function* newPiece(wanted: DirectoryEntry, known: DirectoryEntry | undefined): Generator<Piece> {
  const [now, before] = [wanted.content, known?.content]
  if (now === undefined || now.id === before?.id) return
  yield { id: now.id, level: now.depth, like: before?.depth === now.depth ? before.id : undefined }
}

async function piecesBelow(
  store: Store,
  { level, like }: Piece,
  bytes: Uint8Array,
  options: CallOptions,
): Promise<Piece[]> {
  const before = like === undefined ? undefined : await store.get(like, options)
  if (level > 0) {
    const old = new Map((before ? decodeNode(before, level) : []).map(({ first, id }) => [first, id]))
    return decodeNode(bytes, level).map(({ id, first }) => ({ id, level: level - 1, like: old.get(first) }))
  }
  const directories = decodeLeaf(bytes).filter((entry) => entry.kind === 'directory')
  if (directories.length === 0) return []
  const old = new Map((before ? decodeLeaf(before) : []).map((entry) => [entry.name, entry]))
  return directories.flatMap((entry) => {
    const known = old.get(entry.name)
    return [...newPiece(entry, known?.kind === 'directory' ? known : undefined)]
  })
}
