import { corrupt, isTidemarkError } from '../errors.ts'
import { blockFlags } from '../object/block.ts'
import { idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { ChunkIndex } from '../store/repository/chunk-index.ts'
import { Marks } from '../store/repository/marks.ts'
import { visitReachable, type Piece } from '../store/repository/reachable.ts'
import type { Repository } from '../store/repository/repository.ts'
import { notedTimelines } from '../store/repository/timelines.ts'

/** What snapshots need of a repository, at one moment. Memory: two bits a chunk, and a little for each pack. */
export interface Survey {
  /** Those listed, whether or not they were deleted in the course of it. */
  readonly snapshots: ReadonlySet<Id>
  /** An index of its own, as it was then. To be closed. */
  readonly index: ChunkIndex
  /** Every chunk that a snapshot needs is in. */
  readonly marks: Marks
  readonly packs: ReadonlyMap<Id, PackUse>
}

export interface PackUse {
  readonly id: Id
  /** Bytes of the whole pack. */
  readonly size: number
  readonly metadata: boolean
  readonly chunks: number
  /** Chunks of which this pack holds the copy that counts, their bytes, and the bytes they take of it. */
  readonly usedChunks: number
  readonly usedLength: number
  readonly usedBytes: number
}

/** How often a survey begins anew because what it read was replaced under it. */
const attempts = 3

/**
 * Finds what snapshots need. Of a chunk in several packs the copy that counts is one outside `avoid`, if
 * there is one. Rejects `corrupt` when something is missing that a snapshot needs.
 */
export async function surveyRepository(
  repository: Repository,
  avoid: ReadonlySet<Id>,
  options?: CallOptions,
): Promise<Survey> {
  for (let attempt = 1; ; attempt++) {
    const index = new ChunkIndex(repository.bucket)
    try {
      // Snapshots before the index: all that they need is in an index read later. The index twice: a
      // listing may miss a segment that was merged into another just then.
      const ids = await repository.snapshots.list(options)
      await index.refresh(options)
      await index.refresh(options)
      const marks = new Marks(index.segments, avoid)
      const timelines = await notedTimelines(repository.bucket, options)
      for (const id of ids) await markSnapshot(repository, id, marks, timelines, options)
      return { snapshots: new Set(ids), index, marks, packs: measurePacks(marks) }
    } catch (error) {
      index.close()
      if (!isTidemarkError(error, 'missing', 'corrupt') || attempt === attempts) throw error
    }
  }
}

/** A snapshot that is deleted meanwhile may end half marked: then it needs nothing. */
async function markSnapshot(
  repository: Repository,
  id: Id,
  marks: Marks,
  timelines: ReadonlySet<Id>,
  options?: CallOptions,
): Promise<void> {
  const missing = (chunk: Id): Error =>
    corrupt(`snapshot ${idToHex(id)}`, `chunk ${idToHex(chunk)} is missing from the index`)
  try {
    const { root, contents } = await repository.snapshots.read(id, options)
    const keepsContents = contents && !timelines.has(id)
    const visitor = {
      enter: (piece: Piece): boolean => {
        const entered = marks.enter(piece.id)
        if (entered === undefined && piece.kind === 'list' && !keepsContents) return false
        if (entered === undefined) throw missing(piece.id)
        return entered
      },
      data: (chunk: { id: Id }): void => {
        // Of a timeline some contents may be here, because of others, or for a while.
        if (!marks.use(chunk.id) && keepsContents) throw missing(chunk.id)
      },
    }
    await visitReachable(repository, root, visitor, options)
  } catch (error) {
    if (!isTidemarkError(error, 'missing', 'corrupt')) throw error
    if ((await repository.snapshots.list(options)).includes(id)) throw error
  }
}

/** A pack that the index does not tell of, and so without use. */
export function unusedPack(id: Id, size: number): PackUse {
  return { id, size, metadata: false, chunks: 0, usedChunks: 0, usedLength: 0, usedBytes: 0 }
}

/** How much of each pack is in use. */
function measurePacks(marks: Marks): Map<Id, PackUse> {
  const uses = new Map<Id, { -readonly [K in keyof PackUse]: PackUse[K] }>()
  for (const [n, segment] of marks.segments.entries()) {
    const { packs, blocks } = segment.tables()
    const own = packs.map(({ id, size }) => {
      const use = uses.get(id) ?? { ...unusedPack(id, size) }
      uses.set(id, use)
      return use
    })
    for (const block of blocks) if ((block.flags & blockFlags.metadata) > 0) own[block.pack]!.metadata = true
    for (const { number, block, length } of segment.records()) {
      const { pack, storedLength, plainLength } = blocks[block]!
      const use = own[pack]!
      use.chunks++
      if (!marks.hasRecord(n, number)) continue
      use.usedChunks++
      use.usedLength += length
      use.usedBytes += (storedLength * length) / plainLength
    }
  }
  return uses
}
