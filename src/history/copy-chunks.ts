import { corrupt, isTidemarkError } from '../errors.ts'
import { blockFlags } from '../object/block.ts'
import { idOf, idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { PackBlock } from '../object/pack.ts'
import type { CallOptions } from '../store/bucket.ts'
import { locate } from '../store/repository/chunk-index.ts'
import type { Marks } from '../store/repository/marks.ts'
import { readBlock, readPackFooter } from '../store/repository/pack-reader.ts'
import type { RepositoryWriter } from '../store/repository/repository-writer.ts'
import type { PackUse } from './survey.ts'

/** Bytes copied between two flushes, so that what a writer remembers of unpublished chunks stays small. */
const flushEvery = 512 * 1024 * 1024

/**
 * Copies the chunks of `packs` that are marked, and that the writer has nowhere else, into new packs, in
 * their old order, and publishes them. Resolves with the bytes copied. Rejects `corrupt` when one of them is
 * damaged and there is no other copy.
 */
export async function copyChunks(
  writer: RepositoryWriter,
  marks: Marks,
  packs: Iterable<PackUse>,
  options?: CallOptions,
): Promise<number> {
  let copied = 0
  let flushed = 0
  const put = async (id: Id, bytes: Uint8Array, metadata: boolean): Promise<void> => {
    copied += bytes.length
    await (metadata ? writer.putMetadata(id, bytes) : writer.putData(id, bytes))
  }
  for (const pack of packs) {
    if (pack.usedChunks === 0) continue
    for await (const chunk of wantedChunks(writer, marks, pack, options)) {
      await put(chunk.id, chunk.bytes, chunk.metadata)
    }
    if (copied - flushed < flushEvery) continue
    await writer.flush(options)
    flushed = copied
  }
  await writer.flush(options)
  return copied
}

interface CopiedChunk {
  readonly id: Id
  readonly bytes: Uint8Array
  readonly metadata: boolean
}

async function* wantedChunks(
  writer: RepositoryWriter,
  marks: Marks,
  pack: PackUse,
  options?: CallOptions,
): AsyncGenerator<CopiedChunk> {
  const wanted = (id: Id): boolean => marks.has(id) && !writer.holds(id)
  const { bucket, chunks } = writer.repository
  try {
    for (const block of await readPackFooter(bucket, pack.id, pack.size, options)) {
      if (!block.chunks.some(({ id }) => wanted(id))) continue
      const plain = await readBlock(bucket, pack.id, block, options)
      for (const { id, bytes } of chunksOf(block, plain)) {
        if (!wanted(id)) continue
        if (idOf(bytes) !== id) throw corrupt(`pack ${idToHex(pack.id)}`, `chunk ${idToHex(id)} is damaged`)
        yield { id, bytes, metadata: (block.flags & blockFlags.metadata) > 0 }
      }
    }
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt', 'missing')) throw error
    // One by one, from wherever they can be read, as the index tells.
    for (const id of recordedChunks(marks, pack.id)) {
      if (wanted(id)) yield { id, bytes: await chunks.get(id, options), metadata: pack.metadata }
    }
  }
}

function* chunksOf(block: PackBlock, plain: Uint8Array): Generator<{ id: Id; bytes: Uint8Array }> {
  let start = 0
  for (const { id, length } of block.chunks) {
    yield { id, bytes: plain.subarray(start, start + length) }
    start += length
  }
}

function* recordedChunks(marks: Marks, pack: Id): Generator<Id> {
  for (const segment of marks.segments) {
    if (!segment.tables().packs.some(({ id }) => id === pack)) continue
    for (const record of segment.records()) if (locate(segment, record).pack === pack) yield record.id
  }
}
