import type { Id } from '../../src/object/id.ts'
import type { CallOptions } from '../../src/store/bucket.ts'
import type { Store } from '../../src/store/store.ts'

/** Counts what is read of another store. */
export class CountingStore implements Store {
  readonly #inner: Store
  reads: Id[] = []

  constructor(inner: Store) {
    this.#inner = inner
  }

  get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    this.reads.push(id)
    return this.#inner.get(id, options)
  }

  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    return this.#inner.has(ids, options)
  }
}
