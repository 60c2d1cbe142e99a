import { isTidemarkError } from '../../errors.ts'
import { idOf } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import { SegmentBuilder } from '../../object/segment-builder.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { listPacks } from './list-packs.ts'
import { readPackFooter } from './pack-reader.ts'
import { idInName, segmentName, segmentPrefix } from './place.ts'

/** A segment is made for about so many chunks: 44 bytes of memory each. */
const segmentChunks = 500_000

export interface Rebuilt {
  /** Chunks that the new index tells of. */
  readonly chunks: number
  /** Packs left out because their footers are damaged, with their sizes. */
  readonly damaged: ReadonlyMap<Id, number>
}

/**
 * Makes the index anew from the footers of all packs but those in `avoid`, and deletes the old one. The
 * caller holds the lease of those who delete. Others may write meanwhile: what they publish stays.
 */
export async function rebuildIndex(
  bucket: Bucket,
  avoid: ReadonlySet<Id>,
  options?: CallOptions,
): Promise<Rebuilt> {
  // The old segments before the packs: of a segment listed here every pack is listed there.
  const old: Id[] = []
  for await (const { name } of bucket.list(segmentPrefix, options)) {
    const id = idInName(name)
    if (id !== undefined) old.push(id)
  }
  const damaged = new Map<Id, number>()
  let builder = new SegmentBuilder()
  let chunks = 0
  const publish = async (superseded: readonly Id[]): Promise<void> => {
    chunks += builder.chunks
    const bytes = builder.finish(superseded)
    await bucket.put(segmentName(idOf(bytes)), bytes, options)
    builder = new SegmentBuilder()
  }
  for (const [pack, size] of await listPacks(bucket, options)) {
    if (avoid.has(pack)) continue
    try {
      builder.addWholePack(pack, size, await readPackFooter(bucket, pack, size, options))
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt', 'failed')) throw error
      damaged.set(pack, size)
    }
    if (builder.chunks >= segmentChunks) await publish([])
  }
  // The last one tells that the old ones are void, so that nothing is lost if this is interrupted.
  await publish(old)
  for (const id of old) await bucket.delete(segmentName(id), options)
  return { chunks, damaged }
}
