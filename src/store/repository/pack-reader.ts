import { corrupt } from '../../errors.ts'
import { blockHeaderSize, checkBlockHeader, decodeChunkTable } from '../../object/block.ts'
import type { BlockHeader } from '../../object/block.ts'
import { idToHex } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import { decodePackFooter, decodePackTrailer, maxPackSize, trailerSize } from '../../object/pack.ts'
import type { PackBlock } from '../../object/pack.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { openPayload } from './block-payload.ts'
import { packName } from './place.ts'

/** How much of a pack's end is fetched at first: enough for the footer of most. */
const firstGuess = 128 * 1024

/** The blocks of a pack of `size` bytes, from its footer: one read, two when the footer is long. */
export async function readPackFooter(
  bucket: Bucket,
  id: Id,
  size: number,
  options?: CallOptions,
): Promise<PackBlock[]> {
  const name = packName(id)
  if (size > maxPackSize || size < trailerSize) throw corrupt(name, `has an impossible size of ${size} bytes`)
  const start = Math.max(0, size - firstGuess)
  let end = await bucket.get(name, { ...options, range: { start, end: size } })
  const { footerLength, crc } = decodePackTrailer(end.subarray(-trailerSize))
  const needed = footerLength + trailerSize
  if (needed > size) throw corrupt(name, 'its footer is longer than itself')
  if (needed > end.length)
    end = await bucket.get(name, { ...options, range: { start: size - needed, end: size } })
  return decodePackFooter(end.subarray(end.length - needed, end.length - trailerSize), crc, size)
}

/** A block of a pack, decompressed. Its chunks are not checked against their ids. */
export async function readBlock(
  bucket: Bucket,
  pack: Id,
  block: BlockHeader & { offset: number },
  options?: CallOptions,
): Promise<Uint8Array> {
  if (!checkBlockHeader(block)) throw corrupt(`pack ${idToHex(pack)}`, 'a block beyond the limits')
  const start = block.offset + blockHeaderSize
  const range = { start, end: start + block.storedLength }
  const payload = await bucket.get(packName(pack), { ...options, range })
  if (payload.length !== block.storedLength) throw corrupt(`pack ${idToHex(pack)}`, 'a read came back short')
  return openPayload(block, payload)
}

/** Checks that a block, read whole, holds chunks of just these lengths. Throws `corrupt`. */
export function checkChunkTable(plain: Uint8Array, lengths: readonly number[]): void {
  const table = decodeChunkTable(plain)
  const same =
    table.length === lengths.length && table.every(({ start, end }, n) => end - start === lengths[n])
  if (!same) throw corrupt('block', 'its chunk table differs from the footer')
}
