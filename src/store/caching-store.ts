import type { Id } from '../object/id.ts'
import type { CallOptions } from './bucket.ts'
import { throwIfCancelled } from './call.ts'
import type { Store } from './store.ts'

/** What the key, the array and the place in the Map take besides the bytes, about. */
const overhead = 256

/**
 * Another store with a cache in memory of at most `capacity` bytes, overhead included: what was asked for
 * last is kept. Chunks larger than a quarter of it are passed on and not kept, so that a single one cannot
 * empty the cache.
 */
export class CachingStore implements Store {
  readonly #store: Store
  readonly #capacity: number
  /** In the order of their last use, the oldest first: a Map keeps the order of insertion. */
  readonly #chunks = new Map<Id, Uint8Array>()
  #held = 0

  constructor(store: Store, capacity: number) {
    this.#store = store
    this.#capacity = capacity
  }

  /** Bytes taken by the cache at the moment. */
  get held(): number {
    return this.#held
  }

  async get(id: Id, options: CallOptions = {}): Promise<Uint8Array> {
    throwIfCancelled(options.signal, 'read a chunk')
    const cached = this.#chunks.get(id)
    if (cached !== undefined) {
      this.#chunks.delete(id)
      this.#chunks.set(id, cached)
      return cached
    }
    const bytes = await this.#store.get(id, options)
    this.#keep(id, bytes)
    return bytes
  }

  /**
   * Asks the store below, always: a chunk that was deleted there is not here, though the cache has it. A
   * writer that believed the cache would not store it again.
   */
  has(ids: readonly Id[], options: CallOptions = {}): Promise<Set<Id>> {
    return this.#store.has(ids, options)
  }

  #keep(id: Id, bytes: Uint8Array): void {
    // Another call for the same chunk may have been quicker.
    if (this.#chunks.has(id) || cost(bytes) > this.#capacity / 4) return
    // A view would keep all of the buffer that it is a part of.
    const own = bytes.buffer.byteLength === bytes.length ? bytes : new Uint8Array(bytes)
    this.#chunks.set(id, own)
    this.#held += cost(own)
    for (const [oldest, { length }] of this.#chunks) {
      if (this.#held <= this.#capacity) break
      this.#chunks.delete(oldest)
      this.#held -= length + overhead
    }
  }
}

function cost(bytes: Uint8Array): number {
  return bytes.length + overhead
}
