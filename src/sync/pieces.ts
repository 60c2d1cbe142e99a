import { TidemarkError } from '../errors.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { nearOf, type Store } from '../store/store.ts'
import type { Peer, Want } from './peer.ts'

/** Part of a tree, or of the lists of a content, that may have to be fetched; it says what is below it. */
export interface Piece {
  readonly id: Id
  /** 0 for a leaf of a tree and for a chunk. */
  readonly level: number
  /** What stands in the same place in the version before, which is here. */
  readonly like: Id | undefined
}

/** Where fetched pieces are put. */
export interface PieceStore extends Store {
  putTree(id: Id, bytes: Uint8Array): Promise<void> | undefined
}

/** So many pieces are asked for together. */
export const piecesAtOnce = 512

/**
 * Hands out the bytes of `pieces`, which have to be different ones: from here if they are here, else from the
 * peer, and then they are put here. Rejects `missing` when the peer does not have one.
 */
export async function* fetchPieces(
  store: PieceStore,
  peer: Peer,
  pieces: readonly Piece[],
  options: CallOptions,
): AsyncGenerator<readonly [Piece, Uint8Array]> {
  // Trees and lists never have to be searched for.
  const near = nearOf(store)
  for (let start = 0; start < pieces.length; start += piecesAtOnce) {
    const some = pieces.slice(start, start + piecesAtOnce)
    const here = await near.has(
      some.map(({ id }) => id),
      options,
    )
    for (const piece of some) if (here.has(piece.id)) yield [piece, await near.get(piece.id, options)]
    const away = new Map(some.filter(({ id }) => !here.has(id)).map((piece) => [piece.id, piece]))
    if (away.size === 0) continue
    const wants = [...away.values()].map(({ id, like }): Want => ({ id, like }))
    for await (const arrivals of peer.fetch(once(wants), options)) {
      for (const { id, bytes } of arrivals) {
        const piece = away.get(id)
        if (piece === undefined || bytes === undefined) throw lacking(peer)
        await store.putTree(id, bytes)
        away.delete(id)
        yield [piece, bytes]
      }
    }
    if (away.size > 0) throw lacking(peer)
  }
}

function lacking({ name }: Peer): TidemarkError {
  return new TidemarkError('missing', `${name} does not have all of its own tree (there: tidemark verify)`)
}

export async function* once<T>(value: T): AsyncGenerator<T> {
  yield value
}
