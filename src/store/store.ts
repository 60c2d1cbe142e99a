import { corrupt, TidemarkError } from '../errors.ts'
import { idOf, idToHex, type Id } from '../object/id.ts'
import type { CallOptions } from './bucket.ts'

/**
 * Anything that can return a chunk by its id: a repository, the working copy, a cache, a peer, several of
 * these in a row.
 *
 * Every method may be called concurrently and repeated, and rejects with a `TidemarkError`: besides those
 * named below `denied`, `timeout`, `unavailable`, `cancelled` (its signal) or `failed`.
 */
export interface Store {
  /**
   * The chunk's bytes. Rejects `missing` when it is not here, and `corrupt` when what is here does not hash
   * to `id`: a store never resolves with other bytes, so nobody above it checks them again. The bytes may
   * be shared with other callers and must not be changed.
   */
  get(id: Id, options?: CallOptions): Promise<Uint8Array>

  /**
   * Those of `ids` that are here, without a look at their bytes. An id may be asked for twice. Rejects when
   * it cannot tell: an id that is left out is not here.
   */
  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>>
}

/** A store that finds some chunks at once, and the others only by going through all that it stands for. */
export interface SearchedStore extends Store {
  /** Has what is found at once; the rest is missing there. */
  readonly near: Store
}

/** What `store` finds at once: all, unless it says otherwise. */
export function nearOf(store: Store & { readonly near?: Store | undefined }): Store {
  return store.near ?? store
}

export interface WritableStore extends Store {
  /**
   * Takes in a chunk; one that is here already is left as it is. `id` must be that of `bytes`: a store may
   * check it, and rejects `corrupt` then. Once resolved `get` and `has` of this object know the chunk, and
   * `bytes` may be changed again; that it survives, and that others see it, only `flush` promises.
   */
  put(id: Id, bytes: Uint8Array, options?: CallOptions): Promise<void>

  /** Resolves when all chunks whose put had resolved before this call survive a power cut. */
  flush(options?: CallOptions): Promise<void>
}

/** Returns `bytes`, or throws `corrupt` when they are not those of `id`. `where` names their source. */
export function checkChunk<T extends Uint8Array>(id: Id, bytes: T, where: string): T {
  const actual = idOf(bytes)
  if (actual === id) return bytes
  const problem = `${bytes.length} bytes with the hash ${idToHex(actual)}`
  throw corrupt(where, `chunk ${idToHex(id)} turned out to be ${problem}`)
}

export function missingChunk(id: Id, where: string): TidemarkError {
  return new TidemarkError('missing', `${where}: no chunk ${idToHex(id)}`)
}
