import type { Id } from '../object/id.ts'
import type { WorkingCopyStore } from '../folder/working-copy-store.ts'
import type { BlockReader, BlockReaderOptions, BlockSource } from '../store/block-source.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Repository } from '../store/repository/repository.ts'
import type { SearchedStore, Store } from '../store/store.ts'

/**
 * All that a folder can give that keeps no contents: trees from its repository, contents from its working files. The
 * index tells where a chunk is, so that no failure has to.
 */
export class FolderStore implements SearchedStore, BlockSource {
  readonly #repository: Repository
  readonly #workingCopy: WorkingCopyStore

  readonly near: Store = {
    get: (id, options) => this.#get(id, this.#workingCopy.near, options),
    has: (ids, options) => this.#has(ids, this.#workingCopy.near, options),
  }

  constructor(repository: Repository, workingCopy: WorkingCopyStore) {
    this.#repository = repository
    this.#workingCopy = workingCopy
  }

  get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    return this.#get(id, this.#workingCopy, options)
  }

  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    return this.#has(ids, this.#workingCopy, options)
  }

  async #get(id: Id, workingCopy: Store, options?: CallOptions): Promise<Uint8Array> {
    await this.#repository.ready(options)
    const isKept = this.#repository.index.find(id) !== undefined
    return isKept ? this.#repository.get(id, options) : workingCopy.get(id, options)
  }

  async #has(ids: readonly Id[], workingCopy: Store, options?: CallOptions): Promise<Set<Id>> {
    const kept = await this.#repository.has(ids, options)
    const rest = ids.filter((id) => !kept.has(id))
    if (rest.length === 0) return kept
    return kept.union(await workingCopy.has(rest, options))
  }

  blockReader(options: BlockReaderOptions): BlockReader {
    return this.#workingCopy.blockReader(options, (id) => this.#repository.index.find(id) !== undefined)
  }
}
