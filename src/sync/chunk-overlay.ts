import type { Id } from '../object/id.ts'

/**
 * What was put into a repository last, so that it can be read before it is there durably. The oldest give way to
 * the newest.
 */
export class ChunkOverlay {
  readonly #chunks = new Map<Id, Uint8Array>()
  readonly #capacity: number
  #held = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(id: Id): Uint8Array | undefined {
    return this.#chunks.get(id)
  }

  /** Keeps a copy: `bytes` may be part of something larger. */
  put(id: Id, bytes: Uint8Array): void {
    if (this.#chunks.has(id) || bytes.length > this.#capacity / 4) return
    this.#chunks.set(id, bytes.slice())
    this.#held += bytes.length
    for (const [oldest, { length }] of this.#chunks) {
      if (this.#held <= this.#capacity) break
      this.#chunks.delete(oldest)
      this.#held -= length
    }
  }
}
