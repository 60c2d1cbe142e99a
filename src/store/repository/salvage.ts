import { isTidemarkError } from '../../errors.ts'
import { blockFlags, blockHeaderSize, decodeBlockHeader, decodeChunkTable } from '../../object/block.ts'
import type { BlockHeader } from '../../object/block.ts'
import { idOf } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { openPayload } from './block-payload.ts'
import { packName } from './place.ts'

export interface SalvagedChunk {
  readonly id: Id
  readonly bytes: Uint8Array
  readonly metadata: boolean
}

/** More than the largest block. */
const windowSize = 64 * 1024 * 1024

/** How each block begins. */
const mark = new TextEncoder().encode('TMBK')

/**
 * Whatever blocks can be found in a damaged pack of `size` bytes, by looking for their headers. The chunks
 * have the ids of their bytes, which for a damaged one is not what it had: such chunks are of no use, and of
 * no harm.
 */
export async function* salvagePack(
  bucket: Bucket,
  pack: Id,
  size: number,
  options?: CallOptions,
): AsyncGenerator<SalvagedChunk> {
  for (let at = 0; at + blockHeaderSize <= size;) {
    const end = Math.min(size, at + windowSize)
    const window = await bucket.get(packName(pack), { ...options, range: { start: at, end } })
    let next = 0
    for (;;) {
      const start = Buffer.from(window.buffer, window.byteOffset, window.length).indexOf(mark, next)
      const header = start < 0 ? undefined : decodeBlockHeader(window.subarray(start))
      const stop = start + blockHeaderSize + (header?.storedLength ?? 0)
      if (start < 0 || (stop > window.length && end < size)) {
        // What lies across the end of the window is seen in the next one; of a header that may be all but a byte.
        next = start < 0 ? Math.max(next, window.length - blockHeaderSize + 1) : start
        break
      }
      const chunks =
        header && stop <= window.length ? openBlock(header, window.subarray(start, stop)) : undefined
      if (chunks !== undefined) yield* chunks
      next = chunks === undefined ? start + 1 : stop
    }
    if (end === size) return
    at += next
  }
}

/** The chunks of a block, given with its header; undefined when it is damaged. */
function openBlock(header: BlockHeader, block: Uint8Array): SalvagedChunk[] | undefined {
  try {
    const plain = openPayload(header, block.subarray(blockHeaderSize))
    const metadata = (header.flags & blockFlags.metadata) > 0
    return decodeChunkTable(plain).map(({ start, end }) => {
      const bytes = plain.subarray(start, end)
      return { id: idOf(bytes), bytes, metadata }
    })
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return undefined
    throw error
  }
}
