import { isTidemarkError } from '../errors.ts'
import { decodeChunkTable } from '../object/block.ts'
import { idOf } from '../object/id.ts'
import type { FilledBlock } from '../store/block-source.ts'
import { openSealed } from '../store/repository/block-payload.ts'
import type { Peer, Want } from './peer.ts'
import { once } from './pieces.ts'
import type { PullOptions } from './pulled.ts'
import type { Receipt } from './replica.ts'

/**
 * Puts into a receipt, which keeps contents, what is wanted of a peer. What that does not have is missed when its file is
 * to be written: the others go on.
 */
export async function keepContents(
  receipt: Receipt,
  peer: Peer,
  wants: AsyncIterable<readonly Want[]>,
  { signal, onProgress }: Pick<PullOptions, 'signal' | 'onProgress'>,
): Promise<void> {
  const fetched = { files: 0, bytes: 0 }
  const came = (bytes: number): void => {
    fetched.files++
    fetched.bytes += bytes
  }
  const keep = async (wants: AsyncIterable<readonly Want[]>, inBlocks: boolean): Promise<void> => {
    const arrivals =
      (inBlocks ? peer.fetchBlocks?.(wants, { blocks: 'kept', signal }) : undefined) ??
      peer.fetch(wants, { signal })
    for await (const some of arrivals) {
      for (const arrival of some) {
        if ('block' in arrival) {
          const damaged = await keepBlock(receipt, arrival)
          if (damaged.length > 0) await keep(once(damaged), false)
          for (const { length } of arrival.chunks) came(length)
        } else if (arrival.bytes !== undefined) {
          await receipt.putContent(arrival.id, arrival.bytes)
          came(arrival.bytes.length)
        }
      }
      onProgress?.({ phase: 'contents', ...fetched })
    }
  }
  await keep(wants, true)
}

/** Keeps a block as it is once each of its chunks has been looked at. Resolves with what was to be in it and is not. */
async function keepBlock(receipt: Receipt, { block, chunks }: FilledBlock): Promise<Want[]> {
  let plain: Uint8Array
  let table: { start: number; end: number }[]
  try {
    plain = openSealed(block)
    table = decodeChunkTable(plain)
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt')) throw error
    return chunks.map(({ id }) => ({ id }))
  }
  const held = table.map(({ start, end }) => ({
    id: idOf(plain.subarray(start, end)),
    start,
    length: end - start,
  }))
  const ids = new Set(held.map(({ id }) => id))
  const wanted = new Set(chunks.map(({ id }) => id))
  // What nobody has asked for is not kept: who knows what it is.
  const here = await receipt.has([...ids].filter((id) => !wanted.has(id)))
  const isAllWanted = held.every(({ id }) => wanted.has(id) || here.has(id))
  if (isAllWanted && receipt.putBlock !== undefined) await receipt.putBlock(block, held)
  else
    for (const { id, start, length } of held)
      if (wanted.has(id)) await receipt.putContent(id, plain.subarray(start, start + length))
  return chunks.filter(({ id }) => !ids.has(id)).map(({ id }) => ({ id }))
}
