import type { Id } from '../../object/id.ts'
import type { FilledBlock } from '../../store/block-source.ts'

/** A block that has come from elsewhere, not opened yet, and what was asked for of it. */
export type ArrivingBlock = FilledBlock

/** Chunks that come in blocks, in about the order in which the files that hold them are written. */
export interface ArrivingBlocks {
  /**
   * The block in which a chunk comes, as soon as that is here. Each chunk is given once; undefined for one that comes in
   * none, or has been given: it is to be had from the store.
   */
  take(id: Id): ArrivingBlock | Promise<ArrivingBlock | undefined> | undefined

  /** Another chunk of a block that was given has been found there: it will not be asked for here. */
  found(id: Id): void

  /**
   * Takes a block back that has been opened: `damaged` are the indexes of those `chunks` that were not in it, all
   * of them when it could not be opened. They are to be had from the store, verified.
   */
  opened(block: ArrivingBlock, payload: Uint8Array<ArrayBuffer>, damaged: readonly number[]): void
}
