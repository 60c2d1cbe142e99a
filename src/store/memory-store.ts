import type { Id } from '../object/id.ts'
import type { CallOptions } from './bucket.ts'
import { throwIfCancelled } from './call.ts'
import { checkChunk, missingChunk, type WritableStore } from './store.ts'

/** A store in memory: the reference for all others. It checks each chunk on its way in and out. */
export class MemoryStore implements WritableStore {
  readonly #chunks = new Map<Id, Uint8Array>()

  async get(id: Id, options: CallOptions = {}): Promise<Uint8Array> {
    throwIfCancelled(options.signal, 'read a chunk')
    const bytes = this.#chunks.get(id)
    if (bytes === undefined) throw missingChunk(id, 'memory')
    return checkChunk(id, bytes, 'memory')
  }

  async has(ids: readonly Id[], options: CallOptions = {}): Promise<Set<Id>> {
    throwIfCancelled(options.signal, 'look for chunks')
    return new Set(ids.filter((id) => this.#chunks.has(id)))
  }

  async put(id: Id, bytes: Uint8Array, options: CallOptions = {}): Promise<void> {
    throwIfCancelled(options.signal, 'write a chunk')
    if (!this.#chunks.has(id)) this.#chunks.set(id, checkChunk(id, new Uint8Array(bytes), 'put'))
  }

  async flush(options: CallOptions = {}): Promise<void> {
    throwIfCancelled(options.signal, 'flush')
  }
}
