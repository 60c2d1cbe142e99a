import { isTidemarkError } from '../../errors.ts'
import { blockFlags } from '../../object/block.ts'
import { idOf, type Id } from '../../object/id.ts'
import type { SealedBlock } from '../../object/sealed-block.ts'
import { openSealed } from '../../store/repository/block-payload.ts'
import type { ArrivingBlock } from './arriving-blocks.ts'
import type { List } from './waiting-block.ts'

/** The chunks of a block that were expected in it, each of which has been checked. */
export class OpenedBlock {
  #plain: Uint8Array | undefined
  readonly #chunks = new Map<Id, Uint8Array>()
  /** The places of the expected chunks that are not in it. */
  readonly damaged: readonly number[]

  /** `lists` are given as well. */
  constructor({ block, chunks }: ArrivingBlock, lists: readonly List[]) {
    for (const { id, bytes } of lists) this.#chunks.set(id, bytes)
    const plain = openBlock(block)
    const damaged: number[] = []
    for (const [place, { id, offset, length }] of chunks.entries()) {
      const bytes = plain?.subarray(offset, offset + length)
      if (bytes?.length === length && idOf(bytes) === id) this.#chunks.set(id, bytes)
      else damaged.push(place)
    }
    this.#plain = (block.flags & blockFlags.zstd) > 0 ? plain : undefined
    this.damaged = damaged
  }

  get(id: Id): Uint8Array | undefined {
    return this.#chunks.get(id)
  }

  /** Nothing of it is used any more. */
  close(): void {
    this.#chunks.clear()
    const plain = this.#plain
    this.#plain = undefined
    // The collector counts such memory late. Small buffers share the memory of others.
    if (plain !== undefined && plain.length >= Buffer.poolSize) (plain.buffer as ArrayBuffer).transfer(0)
  }
}

function openBlock(block: SealedBlock): Uint8Array | undefined {
  try {
    return openSealed(block)
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return undefined
    throw error
  }
}
