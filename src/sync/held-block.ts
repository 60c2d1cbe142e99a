import { isTidemarkError } from '../errors.ts'
import { idOf, type Id } from '../object/id.ts'
import type { FilledBlock } from '../store/block-source.ts'
import { openSealed } from '../store/repository/block-payload.ts'

/** A block that has arrived, of which something has not been handed out. */
export class HeldBlock {
  filled: FilledBlock
  /** Chunks that have not been handed out. */
  left = 0
  /** What is in it, once it has been opened here. */
  #plain: Uint8Array | undefined

  /** Bytes of memory. */
  readonly size: number

  constructor(filled: FilledBlock) {
    this.filled = filled
    this.size = filled.block.payload.length + 256 * filled.chunks.length
  }

  /** The chunk, if it is there. */
  chunk(id: Id): Uint8Array | undefined {
    const place = this.filled.chunks.find((chunk) => chunk.id === id)
    this.#plain ??= this.#open()
    if (this.#plain === undefined || place === undefined) return undefined
    const bytes = this.#plain.subarray(place.offset, place.offset + place.length)
    return idOf(bytes) === id ? bytes : undefined
  }

  #open(): Uint8Array | undefined {
    const { block } = this.filled
    // Its memory may be with another thread.
    if (block.payload.buffer.detached) return undefined
    try {
      return openSealed(block)
    } catch (error) {
      if (isTidemarkError(error, 'corrupt')) return undefined
      throw error
    }
  }
}
