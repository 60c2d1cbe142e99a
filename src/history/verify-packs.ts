import { isTidemarkError } from '../errors.ts'
import { blockHeaderSize } from '../object/block.ts'
import { idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { PackBlock } from '../object/pack.ts'
import type { Bucket, CallOptions } from '../store/bucket.ts'
import { locate } from '../store/repository/chunk-index.ts'
import type { ChunkIndex } from '../store/repository/chunk-index.ts'
import { readPackFooter } from '../store/repository/pack-reader.ts'
import { packName, segmentName } from '../store/repository/place.ts'
import type { SegmentFile } from '../store/repository/segment-file.ts'
import type { Findings } from './finding.ts'

/** What the index says of a pack. */
interface IndexedPack {
  readonly size: number
  readonly segments: SegmentFile[]
}

/** The packs that the index names, and in which segments. */
export function indexedPacks(index: ChunkIndex): Map<Id, IndexedPack> {
  const packs = new Map<Id, IndexedPack>()
  for (const segment of index.segments) {
    for (const { id, size } of segment.tables().packs) {
      const known = packs.get(id)
      if (known === undefined) packs.set(id, { size, segments: [segment] })
      else if (!known.segments.includes(segment)) known.segments.push(segment)
    }
  }
  return packs
}

/** How many chunks a segment claims to be in each of its packs. */
export function countRecords(index: ChunkIndex): Map<SegmentFile, Map<Id, number>> {
  const counts = new Map<SegmentFile, Map<Id, number>>()
  for (const segment of index.segments) {
    const { packs, blocks } = segment.tables()
    const own = new Map<Id, number>(packs.map(({ id }) => [id, 0]))
    for (const { block } of segment.records()) {
      const { id } = packs[blocks[block]!.pack]!
      own.set(id, own.get(id)! + 1)
    }
    counts.set(segment, own)
  }
  return counts
}

/** The blocks of a pack by its footer; undefined, with a finding, when that is damaged. */
export async function checkFooter(
  bucket: Bucket,
  pack: Id,
  size: number,
  findings: Findings,
  options?: CallOptions,
): Promise<PackBlock[] | undefined> {
  try {
    return await readPackFooter(bucket, pack, size, options)
  } catch (error) {
    if (isTidemarkError(error, 'missing')) return undefined
    // What the disk refuses to read is as good as damaged.
    if (!isTidemarkError(error, 'corrupt', 'failed')) throw error
    findings.add('footer-damaged', packName(pack), error.message)
    return undefined
  }
}

/**
 * Compares what a segment of `index` says of a pack with the pack's footer. `claimed` chunks it says are in it.
 * A chunk that is in two packs it may leave out, where another segment has it: merging keeps one record of
 * two, and that one goes with its pack.
 */
export function compareWithFooter(
  index: ChunkIndex,
  segment: SegmentFile,
  pack: Id,
  blocks: readonly PackBlock[],
  claimed: number,
  findings: Findings,
): void {
  let agreed = 0
  let problem: string | undefined
  let leftOut: Id | undefined
  const right = new Set<Id>()
  for (const block of blocks) {
    let start = 0
    for (const { id, length } of block.chunks) {
      const offset = start
      start += length
      const record = segment.find(id)
      if (record === undefined) {
        if (index.find(id) === undefined) leftOut ??= id
        continue
      }
      const found = locate(segment, record)
      // A chunk that is in two packs may be recorded in the other; one that is twice in this pack, once.
      if (found.pack !== pack || right.has(id)) continue
      const same =
        found.blockOffset === block.offset &&
        found.storedLength === block.storedLength &&
        found.plainLength === block.plainLength &&
        found.flags === block.flags &&
        found.length === length &&
        found.offset === offset
      if (same) {
        right.add(id)
        agreed++
      } else problem ??= `has another place for chunk ${idToHex(id)}`
    }
  }
  if (agreed < claimed) problem ??= 'claims chunks that it does not have'
  const where = `${segmentName(segment.id)} about ${packName(pack)}`
  if (problem === undefined) {
    // Of one that two writers stored, the record that merging kept goes with its pack once nobody needs it. One that is
    // needed is found missing.
    if (leftOut !== undefined)
      findings.add('index-differs', where, `the index leaves out chunk ${idToHex(leftOut)}`, false)
    return
  }
  const finding = findings.add('index-differs', where, `the index ${problem}`)
  if (agreed === claimed) return
  for (const record of segment.records())
    if (!right.has(record.id) && locate(segment, record).pack === pack)
      findings.loseCopy(record.id, pack, finding)
}

/** For a pack whose size has changed: the chunks beyond its end are lost. */
export function checkSize(pack: Id, indexed: IndexedPack, size: number, findings: Findings): void {
  if (indexed.size === size) return
  const finding = findings.add('pack-size', packName(pack), `has ${size} bytes instead of ${indexed.size}`)
  for (const segment of indexed.segments) {
    for (const record of segment.records()) {
      const place = locate(segment, record)
      const end = place.blockOffset + blockHeaderSize + place.storedLength
      if (place.pack === pack && end > size) findings.loseCopy(record.id, pack, finding)
    }
  }
}
