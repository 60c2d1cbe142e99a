import type { Id } from '../../object/id.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'

/** Chunks that are at hand, each of which is given once, before a store that has them all. */
export class SpareChunks implements Store {
  readonly #store: Store
  readonly #chunks = new Map<Id, Uint8Array>()

  constructor(store: Store) {
    this.#store = store
  }

  put(id: Id, bytes: Uint8Array): void {
    this.#chunks.set(id, bytes)
  }

  async get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    const bytes = this.#chunks.get(id)
    if (bytes === undefined) return this.#store.get(id, options)
    this.#chunks.delete(id)
    return bytes
  }

  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    return this.#store.has(ids, options)
  }
}
