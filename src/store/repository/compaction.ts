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
 * lease, and `condemned` is what was condemned when it began. A segment that names a condemned pack is left
 * to the pruner: its entries must stay while writers that began earlier may need them, and must not come
 * back in a merged segment once they are gone.
 */
export async function compactIndex(
  bucket: Bucket,
  index: ChunkIndex,
  condemned: ReadonlySet<Id>,
  options?: CallOptions,
): Promise<void> {
  await removeStale(bucket, index, options)
  const tiers = Map.groupBy(
    index.segments.filter((segment) => isSmall(segment) && !namesAny(segment, condemned)),
    (segment) => Math.max(0, Math.floor(Math.log(segment.chunks / 512) / Math.log(fanIn))),
  )
  for (const segments of tiers.values()) {
    if (segments.length >= fanIn) await replaceSegments(bucket, index, segments, new Set(), options)
  }
}

/**
 * Takes `drop` out of the index: every segment that names one of these packs is replaced by one that says
 * the same without them. For the pruner alone, who knows that nobody needs these entries any more.
 */
export async function dropPacks(
  bucket: Bucket,
  index: ChunkIndex,
  drop: ReadonlySet<Id>,
  options?: CallOptions,
): Promise<void> {
  await removeStale(bucket, index, options)
  const naming = index.segments.filter((segment) => namesAny(segment, drop))
  let group: SegmentFile[] = []
  let chunks = 0
  for (const segment of naming) {
    if (group.length > 0 && chunks + segment.chunks > mostChunks) {
      await replaceSegments(bucket, index, group, drop, options)
      group = []
      chunks = 0
    }
    group.push(segment)
    chunks += segment.chunks
  }
  if (group.length > 0) await replaceSegments(bucket, index, group, drop, options)
}

/**
 * A superseded segment has to be gone before the one that superseded it is replaced in turn: nothing would
 * be left then that says it is no longer valid.
 */
async function removeStale(bucket: Bucket, index: ChunkIndex, options?: CallOptions): Promise<void> {
  for (const id of index.stale) await bucket.delete(segmentName(id), options)
}

/** Replaces `segments` by one that says the same but for the packs in `drop`. */
async function replaceSegments(
  bucket: Bucket,
  index: ChunkIndex,
  segments: readonly SegmentFile[],
  drop: ReadonlySet<Id>,
  options?: CallOptions,
): Promise<void> {
  const builder = new SegmentBuilder()
  for (const segment of segments) addSegment(builder, segment, drop)
  const replaced = segments.map((segment) => segment.id)
  // When nothing is left there is nothing to put in their place.
  if (builder.packs > 0) await index.publish(builder.finish(replaced), options)
  for (const id of replaced) await bucket.delete(segmentName(id), options)
  if (builder.packs === 0) await index.refresh(options)
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

function isSmall(segment: SegmentFile): boolean {
  return segment.chunks <= mostChunks / fanIn
}

function namesAny(segment: SegmentFile, packs: ReadonlySet<Id>): boolean {
  return packs.size > 0 && segment.tables().packs.some((pack) => packs.has(pack.id))
}
