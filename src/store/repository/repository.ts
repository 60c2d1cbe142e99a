import { randomBytes } from 'node:crypto'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { decodeConfig, encodeConfig } from '../../object/config.ts'
import type { RepositoryConfig } from '../../object/config.ts'
import type { Id } from '../../object/id.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import type { BlockReader, BlockSource } from '../block-source.ts'
import { ChunkIndex } from './chunk-index.ts'
import { ChunkReader } from './chunk-reader.ts'
import { configName } from './place.ts'
import type { RepositoryWriter } from './repository-writer.ts'
import { SnapshotShelf } from './snapshot-shelf.ts'
import { StoredBlocks } from './stored-blocks.ts'

/**
 * A place that keeps chunks and snapshots, on a bucket. Any number of processes may read and write it at
 * once; nothing in it is ever changed in place. The index is read when a chunk is first asked for.
 */
export class Repository implements BlockSource {
  readonly bucket: Bucket
  readonly config: RepositoryConfig
  readonly index: ChunkIndex
  readonly chunks: ChunkReader
  readonly snapshots: SnapshotShelf
  #loaded: Promise<void> | undefined
  #isLoaded = false

  private constructor(bucket: Bucket, config: RepositoryConfig) {
    this.bucket = bucket
    this.config = config
    this.index = new ChunkIndex(bucket)
    this.chunks = new ChunkReader(bucket, this.index)
    this.snapshots = new SnapshotShelf(bucket)
  }

  /** Makes a repository in an empty place. Rejects `exists` when there is one already. */
  static async create(bucket: Bucket, options?: CallOptions): Promise<Repository> {
    for await (const { name } of bucket.list('', options)) {
      const what = name === configName ? 'there is a repository here already' : `not empty (it has ${name})`
      throw new TidemarkError('exists', `cannot make a repository: ${what}`)
    }
    const config: RepositoryConfig = {
      format: 'tidemark repository',
      version: 1,
      id: randomBytes(16).toString('hex'),
      hash: 'sha256',
      chunker: 'two-level-1',
    }
    await bucket.put(configName, encodeConfig(config), options)
    return new Repository(bucket, config)
  }

  /** Rejects `missing` when there is no repository, `unsupported` when it is of a newer format. */
  static async open(bucket: Bucket, options?: CallOptions): Promise<Repository> {
    try {
      return new Repository(bucket, decodeConfig(await bucket.get(configName, options)))
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
      throw new TidemarkError('missing', 'there is no repository here (it has no config)', { cause: error })
    }
  }

  /** Resolves when the index has been read, which happens once. */
  ready(options?: CallOptions): Promise<void> {
    this.#loaded ??= this.index.refresh(options).then(
      () => void (this.#isLoaded = true),
      (error: unknown) => {
        this.#loaded = undefined
        throw error
      },
    )
    return this.#loaded
  }

  async get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    if (!this.#isLoaded) await this.ready(options)
    return this.chunks.get(id, options)
  }

  async has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    await this.ready(options)
    return new Set(ids.filter((id) => this.index.find(id) !== undefined))
  }

  blockReader(): BlockReader {
    return new StoredBlocks(this)
  }

  /** Begins to write. The writer must be closed. */
  async write(options?: CallOptions): Promise<RepositoryWriter> {
    // Loaded when it is needed: most commands only read, and a short one is mostly the loading of its modules.
    const { RepositoryWriter } = await import('./repository-writer.ts')
    return RepositoryWriter.open(this, options)
  }

  close(): void {
    this.index.close()
    this.#loaded = undefined
    this.#isLoaded = false
  }
}
