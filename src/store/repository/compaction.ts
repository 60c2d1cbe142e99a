import { SegmentBuilder } from '../../object/segment-builder.ts'
import type { Id } from '../../object/id.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import type { ChunkIndex } from './chunk-index.ts'
import { segmentName } from './place.ts'
import type { SegmentFile } from './segment-file.ts'

/** Segments of about the same size are merged once there are this many of them. */
const fanIn = 8
/** Merging needs 44 bytes of memory a chunk: larger segments are left alone. */
const mostChunks = 1_000_000

/**
 * Keeps the number of segments small: of each order of magnitude at most `fanIn` remain. The caller holds a
 * lease. Entries of condemned packs are dropped, so that no merge brings back a pack that is being deleted.
 */
export async function compactIndex(
  bucket: Bucket,
  index: ChunkIndex,
  condemned: ReadonlySet<Id>,
  options?: CallOptions,
): Promise<void> {
  for (const id of index.stale) await bucket.delete(segmentName(id), options)
  const tiers = Map.groupBy(
    index.segments.filter((segment) => segment.chunks <= mostChunks / fanIn),
    (segment) => Math.max(0, Math.floor(Math.log(segment.chunks / 512) / Math.log(fanIn))),
  )
  for (const segments of tiers.values()) {
    if (segments.length >= fanIn) await mergeSegments(bucket, index, segments, condemned, options)
  }
}

/** Replaces `segments` by one that says the same but for the packs in `drop`. */
export async function mergeSegments(
  bucket: Bucket,
  index: ChunkIndex,
  segments: readonly SegmentFile[],
  drop: ReadonlySet<Id>,
  options?: CallOptions,
): Promise<void> {
  const builder = new SegmentBuilder()
  for (const segment of segments) addSegment(builder, segment, drop)
  const replaced = segments.map((segment) => segment.id)
  await index.publish(builder.finish(replaced), options)
  for (const id of replaced) await bucket.delete(segmentName(id), options)
}

function addSegment(builder: SegmentBuilder, segment: SegmentFile, drop: ReadonlySet<Id>): void {
  const { packs, blocks } = segment.tables()
  const packNumbers = packs.map((pack) => (drop.has(pack.id) ? -1 : builder.addPack(pack.id, pack.size)))
  const blockNumbers = blocks.map((block) => {
    const pack = packNumbers[block.pack]!
    return pack < 0 ? -1 : builder.addBlock({ ...block, pack })
  })
  for (const { id, block, offset, length } of segment.records()) {
    if (blockNumbers[block]! >= 0) builder.addChunk(id, blockNumbers[block]!, offset, length)
  }
}
