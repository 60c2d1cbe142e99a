import type { Id } from '../object/id.ts'
import type { SealedBlock } from '../object/sealed-block.ts'
import type { CallOptions } from './bucket.ts'
import type { Store } from './store.ts'

/** Where a chunk is said to stand in a block, once that is opened. */
export interface ChunkInBlock {
  readonly id: Id
  readonly offset: number
  readonly length: number
}

/** A block, and those of its chunks that were wished for, by their places in it. Nothing is checked. */
export interface FilledBlock {
  readonly block: SealedBlock
  readonly chunks: readonly ChunkInBlock[]
}

/** A chunk that is wished for; `alone` if not in a block. */
export interface ChunkWish {
  readonly id: Id
  readonly alone?: boolean | undefined
  /** It only helps to send another: not worth a search. */
  readonly spare?: boolean | undefined
}

export interface BlockReaderOptions {
  /** Whether blocks that are made for this are to be compressed; asked for each. */
  readonly compress: () => boolean
}

/** Hands out chunks together with others of the same block. Close it when done. */
export interface BlockReader {
  /**
   * Answers each wish once: by a block, which answers others as well, or by the wish itself, whose chunk had better be
   * read by itself then; that comes when all wishes before it are answered. Wishes are looked at as far ahead as they come.
   */
  read(
    wishes: AsyncIterable<readonly ChunkWish[]>,
    options?: CallOptions,
  ): AsyncIterable<readonly (FilledBlock | ChunkWish)[]>
  close(): Promise<void>
}

/** A store that can give whole blocks: cheaper than chunks one by one where many are wanted. */
export interface BlockSource extends Store {
  blockReader(options: BlockReaderOptions): BlockReader
}

export function givesBlocks(store: Store): store is BlockSource {
  return 'blockReader' in store
}
