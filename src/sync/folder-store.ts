import type { Id } from '../object/id.ts'
import type { WorkingCopyStore } from '../folder/working-copy-store.ts'
import type { BlockReader, BlockReaderOptions, BlockSource } from '../store/block-source.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Repository } from '../store/repository/repository.ts'

/**
 * All that a folder can give that keeps no contents: trees from its repository, contents from its working files. The
 * index tells where a chunk is, so that no failure has to.
 */
export class FolderStore implements BlockSource {
  readonly #repository: Repository
  readonly #workingCopy: WorkingCopyStore

  constructor(repository: Repository, workingCopy: WorkingCopyStore) {
    this.#repository = repository
    this.#workingCopy = workingCopy
  }

  async get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    await this.#repository.ready(options)
    const isKept = this.#repository.index.find(id) !== undefined
    return isKept ? this.#repository.get(id, options) : this.#workingCopy.get(id, options)
  }

  async has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    const kept = await this.#repository.has(ids, options)
    const rest = ids.filter((id) => !kept.has(id))
    if (rest.length === 0) return kept
    return kept.union(await this.#workingCopy.has(rest, options))
  }

  blockReader(options: BlockReaderOptions): BlockReader {
    return this.#workingCopy.blockReader(options, (id) => this.#repository.index.find(id) !== undefined)
  }
}
