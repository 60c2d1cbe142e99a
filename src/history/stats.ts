import { isTidemarkError } from '../errors.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import type { BucketEntry, CallOptions } from '../store/bucket.ts'
import { ChunkIndex } from '../store/repository/chunk-index.ts'
import { Marks } from '../store/repository/marks.ts'
import { packPrefix, segmentPrefix, snapshotPrefix } from '../store/repository/place.ts'
import { visitReachable } from '../store/repository/reachable.ts'
import { namedChunks } from '../store/named-chunks.ts'
import type { Repository } from '../store/repository/repository.ts'

/** Sizes are bytes. */
export interface RepositoryStats {
  readonly snapshots: readonly SnapshotStats[]
  /** Files and directories of all snapshots, and the sizes of their files. */
  readonly entries: number
  readonly logicalBytes: number
  /** Chunks that snapshots need, each once, and their bytes before compression and as stored. */
  readonly usedChunks: number
  readonly usedBytes: number
  readonly usedStoredBytes: number
  /** All chunks in the index, those of no more use included, and their bytes. */
  readonly chunks: number
  readonly chunkBytes: number
  /** Everything in the repository, and its parts. */
  readonly storedBytes: number
  readonly packs: number
  readonly packBytes: number
  readonly segments: number
  readonly segmentBytes: number
  readonly snapshotBytes: number
}

export interface SnapshotStats {
  readonly id: Id
  readonly snapshot: Snapshot
  /** What no other snapshot needs: what forgetting it alone would free, before compression and as stored. */
  readonly ownChunks: number
  readonly ownBytes: number
  readonly ownStoredBytes: number
}

export interface StatsOptions extends CallOptions {
  /** Only these snapshots are told of, and what they need; the others count when it is asked what is theirs alone. */
  readonly only?: ReadonlySet<Id> | undefined
}

/**
 * Measures a repository. Each tree is read at most twice, however many snapshots share it; 4 bytes of memory
 * a chunk. Rejects `corrupt` when a tree that a snapshot needs is not there.
 */
export async function repositoryStats(
  repository: Repository,
  options: StatsOptions = {},
): Promise<RepositoryStats> {
  const { only } = options
  const all: { id: Id; snapshot: Snapshot }[] = []
  for (const id of await repository.snapshots.list(options)) {
    try {
      all.push({ id, snapshot: await repository.snapshots.read(id, options) })
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
    }
  }
  const isChosen = ({ id }: { readonly id: Id }): boolean => only?.has(id) ?? true
  const snapshots = all.filter(isChosen)
  const others = all.filter((one) => !isChosen(one))
  const index = new ChunkIndex(repository.bucket)
  try {
    await index.refresh(options)
    const owners = new Owners(index)
    const visit = async (n: number, snapshot: Snapshot): Promise<void> => {
      const visitor = {
        enter: ({ id }: { id: Id }) => owners.claim(id, n),
        data: ({ id }: { id: Id }) => void owners.claim(id, n),
      }
      await visitReachable(namedChunks(repository), snapshot.root, visitor, options)
    }
    for (const [n, { snapshot }] of snapshots.entries()) await visit(n, snapshot)
    let { own, ...used } = owners.measure(all.length)
    for (const [n, { snapshot }] of others.entries()) await visit(snapshots.length + n, snapshot)
    if (others.length > 0) own = owners.measure(all.length).own
    return {
      snapshots: snapshots.map((one, n) => ({ ...one, ...own[n]! })),
      entries: snapshots.reduce((sum, { snapshot }) => sum + snapshot.root.count, 0),
      logicalBytes: snapshots.reduce((sum, { snapshot }) => sum + snapshot.root.size, 0),
      ...used,
      ...(await measureBucket(repository, options)),
    }
  } finally {
    index.close()
  }
}

async function measureBucket(
  { bucket }: Repository,
  options?: CallOptions,
): Promise<
  Pick<RepositoryStats, 'storedBytes' | 'packs' | 'packBytes' | 'segments' | 'segmentBytes' | 'snapshotBytes'>
> {
  const entries: BucketEntry[] = await Array.fromAsync(bucket.list('', options))
  const below = (prefix: string): BucketEntry[] => entries.filter(({ name }) => name.startsWith(prefix))
  const [packs, segments] = [below(packPrefix), below(segmentPrefix)]
  return {
    storedBytes: sizeOf(entries),
    packs: packs.length,
    packBytes: sizeOf(packs),
    segments: segments.length,
    segmentBytes: sizeOf(segments),
    snapshotBytes: sizeOf(below(snapshotPrefix)),
  }
}

function sizeOf(entries: readonly BucketEntry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0)
}

const nobody = 0
const several = 0xffff_ffff

/**
 * Which snapshot needs each chunk, or that several do: one number for each record of the index. A file that
 * holds the very bytes of a tree may be taken for it, which matters to figures only.
 */
class Owners {
  readonly #marks: Marks
  readonly #owners: readonly Uint32Array[]

  constructor(index: ChunkIndex) {
    this.#marks = new Marks(index.segments)
    this.#owners = index.segments.map((segment) => new Uint32Array(segment.chunks))
  }

  /** Notes that snapshot number `snapshot` needs a chunk; true when what is below it has to know too. */
  claim(id: Id, snapshot: number): boolean {
    const found = this.#marks.find(id)
    if (found === undefined) return true
    const owners = this.#owners[found.segment]!
    const owner = owners[found.record.number]!
    if (owner === snapshot + 1 || owner === several) return false
    owners[found.record.number] = owner === nobody ? snapshot + 1 : several
    return true
  }

  measure(snapshots: number): Pick<
    RepositoryStats,
    'usedChunks' | 'usedBytes' | 'usedStoredBytes' | 'chunks' | 'chunkBytes'
  > & {
    own: { ownChunks: number; ownBytes: number; ownStoredBytes: number }[]
  } {
    const all = { usedChunks: 0, usedBytes: 0, usedStoredBytes: 0, chunks: 0, chunkBytes: 0 }
    const own = Array.from({ length: snapshots }, () => ({ ownChunks: 0, ownBytes: 0, ownStoredBytes: 0 }))
    for (const [n, segment] of this.#marks.segments.entries()) {
      const { blocks } = segment.tables()
      for (const { number, block, length } of segment.records()) {
        all.chunks++
        all.chunkBytes += length
        const owner = this.#owners[n]![number]!
        if (owner === nobody) continue
        const { storedLength, plainLength } = blocks[block]!
        const stored = Math.round((storedLength * length) / plainLength)
        all.usedChunks++
        all.usedBytes += length
        all.usedStoredBytes += stored
        if (owner === several) continue
        const mine = own[owner - 1]!
        mine.ownChunks++
        mine.ownBytes += length
        mine.ownStoredBytes += stored
      }
    }
    return { ...all, own }
  }
}
