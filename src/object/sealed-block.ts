import type { BlockHeader } from './block.ts'

/** A block as it is stored and travels: what is in it is not known to be right before it has been opened and hashed. */
export interface SealedBlock extends Omit<BlockHeader, 'storedLength'> {
  /** Chunks, then the table of them (see `block.ts`); one zstd frame of that where `flags` say so. */
  readonly payload: Uint8Array<ArrayBuffer>
}
