import type { Emit } from '../../object/content.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import { idOf, type Id } from '../../object/id.ts'
import { decodeLeaf, decodeNode } from '../../object/tree.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'

/** Takes in a chunk; resolves, if it says anything, when it can take more. */
export type Put = (id: Id, bytes: Uint8Array) => Promise<void> | undefined

/** A store, and in memory the leaves and nodes that a merge makes over it: many of them serve only on the way. */
export class NewNodes implements Store {
  readonly #store: Store
  readonly #nodes = new Map<Id, Uint8Array>()

  constructor(store: Store) {
    this.#store = store
  }

  readonly emit: Emit = (bytes) => {
    const id = idOf(bytes)
    this.#nodes.set(id, bytes)
    return id
  }

  async get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    return this.#nodes.get(id) ?? this.#store.get(id, options)
  }

  async has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    const found = await this.#store.has(ids, options)
    for (const id of ids) if (this.#nodes.has(id)) found.add(id)
    return found
  }

  /** Hands over what belongs to the tree of `root`, each node once. */
  async handOver(root: DirectoryEntry, put: Put): Promise<void> {
    const waiting = root.content ? [root.content] : []
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { depth, id } = next
      const bytes = this.#nodes.get(id)
      // What was not made here has nothing below it that was.
      if (bytes === undefined) continue
      this.#nodes.delete(id)
      await put(id, bytes)
      if (depth > 0) for (const { id } of decodeNode(bytes, depth)) waiting.push({ depth: depth - 1, id })
      else
        for (const entry of decodeLeaf(bytes))
          if (entry.kind === 'directory' && entry.content) waiting.push(entry.content)
    }
  }
}
