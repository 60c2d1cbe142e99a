import { isTidemarkError } from '../errors.ts'
import { idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import { otherLeases, takeCare, waitForLeases } from '../store/repository/care.ts'
import type { WaitOptions } from '../store/repository/care.ts'
import { compactIndex, dropPacks } from '../store/repository/compaction.ts'
import { condemn, listCondemned } from '../store/repository/condemned.ts'
import type { Condemned } from '../store/repository/condemned.ts'
import type { HeldLease, Lease } from '../store/repository/leases.ts'
import { listPacks } from '../store/repository/list-packs.ts'
import { packName, segmentPrefix } from '../store/repository/place.ts'
import type { Repository } from '../store/repository/repository.ts'
import { choosePacks } from './choose-packs.ts'
import type { PackChoice } from './choose-packs.ts'
import { copyChunks } from './copy-chunks.ts'
import { surveyRepository, unusedPack } from './survey.ts'
import type { PackUse, Survey } from './survey.ts'

export interface PruneOptions extends WaitOptions {
  /** Packs of whose bytes a larger share than this (0 to 1) is in no use are rewritten. */
  readonly deadShare?: number | undefined
  /** Only says what would be done; writes nothing. */
  readonly dryRun?: boolean | undefined
}

export interface PruneReport {
  /** Packs before, and their bytes. */
  readonly packs: number
  readonly bytes: number
  /** Packs found to be rid of: without any use, and to be rewritten. Their bytes. */
  readonly dead: number
  readonly rewritten: number
  readonly condemnedBytes: number
  /** Bytes of chunks copied out of them. */
  readonly copiedBytes: number
  /** Packs deleted in this run, whichever run condemned them, and their bytes. */
  readonly deleted: number
  readonly deletedBytes: number
  /** Writers that were at work all the while: what they may rely on is left to a later run. */
  readonly waitingFor: readonly HeldLease[]
}

/** Of a pack, more than this share may be dead before it is worth rewriting. */
const defaultDeadShare = 0.3

/**
 * Deletes what no snapshot needs, while others read and write. The rules that make this safe, and why they
 * do, are in docs/format/repository.md, "Deleting". What cannot be finished because of writers at work is
 * finished by a later run. Rejects `busy` when another process prunes or repairs, and `corrupt`, having
 * deleted nothing, when something that a snapshot needs is missing.
 */
export async function prune(repository: Repository, options: PruneOptions = {}): Promise<PruneReport> {
  if (options.dryRun === true) return preview(repository, options)
  const lease = await takeCare(repository.bucket, options)
  try {
    return await new Prune(repository, lease, options).run()
  } finally {
    await lease.release()
  }
}

async function preview(repository: Repository, options: PruneOptions): Promise<PruneReport> {
  const listed = await listPacks(repository.bucket, options)
  const condemned = packsOf(await listCondemned(repository.bucket, options))
  const survey = await surveyRepository(repository, condemned, options)
  survey.index.close()
  const chosen = choose(survey, listed, condemned, options)
  const copiedBytes = sum(chosen.rewritten, ({ usedLength }) => usedLength)
  return { ...describeChoice(listed, chosen), copiedBytes, deleted: 0, deletedBytes: 0, waitingFor: [] }
}

class Prune {
  readonly #repository: Repository
  readonly #lease: Lease
  readonly #options: PruneOptions
  #listed: ReadonlyMap<Id, number> = new Map()
  #copiedBytes = 0
  #deleted = 0
  #deletedBytes = 0

  constructor(repository: Repository, lease: Lease, options: PruneOptions) {
    this.#repository = repository
    this.#lease = lease
    this.#options = options
  }

  async run(): Promise<PruneReport> {
    const { bucket } = this.#repository
    // Packs before leases: when these are gone, each pack is needed by a snapshot that can be seen, or by
    // none. Without this, all that a first snapshot under way has written would be condemned.
    this.#listed = await listPacks(bucket, this.#options)
    const records = await listCondemned(bucket, this.#options)
    const writers = await this.#waitForWriters()
    if (writers.length > 0) return this.#report({ dead: [], rewritten: [] }, writers)

    const old = packsOf(records)
    const survey = await surveyRepository(this.#repository, old, this.#options)
    try {
      const chosen = await this.#rescue(survey, old, choose(survey, this.#listed, old, this.#options))
      const condemned = new Set([...chosen.dead, ...chosen.rewritten].map(({ id }) => id))
      const record = condemned.size > 0 ? await condemn(bucket, [...condemned], this.#options) : undefined
      const began = await otherLeases(bucket, this.#lease, this.#options)
      // When nobody was writing by then, and nobody had been since the survey, it still holds. Not so after
      // a sweep, which merges segments and keeps one record of a chunk: maybe that of a pack just condemned.
      const valid = began.length === 0 && records.length === 0 && (await this.#isCurrent(survey))
      await this.#sweep(records)
      const waitingFor = record === undefined ? [] : await this.#finish(record, began, valid)
      await compactIndex(bucket, this.#repository.index, condemned, this.#options)
      return this.#report(chosen, waitingFor)
    } finally {
      survey.index.close()
    }
  }

  async #waitForWriters(): Promise<readonly HeldLease[]> {
    const { bucket } = this.#repository
    return waitForLeases(bucket, await otherLeases(bucket, this.#lease, this.#options), this.#options)
  }

  /**
   * Copies what is needed out of the packs that are condemned already and of those that are to be. When
   * there is no space for that, those that hold nothing of use go at least.
   */
  async #rescue(survey: Survey, old: ReadonlySet<Id>, chosen: PackChoice): Promise<PackChoice> {
    const earlier = [...survey.packs.values()].filter(({ id }) => old.has(id))
    try {
      await this.#copy(survey, [...earlier, ...chosen.rewritten], [...chosen.dead, ...chosen.rewritten])
      return chosen
    } catch (error) {
      if (!isTidemarkError(error, 'full', 'corrupt') || chosen.rewritten.length === 0) throw error
      await this.#copy(survey, earlier, chosen.dead)
      return { dead: chosen.dead, rewritten: [] }
    }
  }

  async #copy(survey: Survey, from: readonly PackUse[], distrusted: readonly PackUse[]): Promise<void> {
    if (from.every(({ usedChunks }) => usedChunks === 0)) return
    const writer = await this.#repository.write(this.#options)
    try {
      writer.distrust(distrusted.map(({ id }) => id))
      this.#copiedBytes += await copyChunks(writer, survey.marks, from, this.#options)
    } finally {
      await writer.close()
    }
  }

  /** False when there are new snapshots, or when a merge may have left out the copy that was counted on. */
  async #isCurrent(survey: Survey): Promise<boolean> {
    const snapshots = await this.#repository.snapshots.list(this.#options)
    if (!snapshots.every((id) => survey.snapshots.has(id))) return false
    const listed = new Set<string>()
    for await (const { name } of this.#repository.bucket.list(segmentPrefix, this.#options)) listed.add(name)
    return survey.marks.segments.every(({ id }) => listed.has(segmentPrefix + idToHex(id)))
  }

  /** Waits for the writers that had begun before `record` was put, saves what they need, and deletes. */
  async #finish(
    record: Condemned,
    writers: readonly HeldLease[],
    valid: boolean,
  ): Promise<readonly HeldLease[]> {
    const left = await waitForLeases(this.#repository.bucket, writers, this.#options)
    if (left.length > 0) return left
    if (!valid) {
      const condemned = new Set(record.packs)
      const survey = await surveyRepository(this.#repository, condemned, this.#options)
      try {
        await this.#copy(
          survey,
          [...survey.packs.values()].filter(({ id }) => condemned.has(id)),
          [],
        )
      } finally {
        survey.index.close()
      }
    }
    await this.#sweep([record])
    return []
  }

  /** Deletes condemned packs that nobody relies on any more: from the index first, the record last. */
  async #sweep(records: readonly Condemned[]): Promise<void> {
    if (records.length === 0) return
    const { bucket, index } = this.#repository
    const packs = packsOf(records)
    await index.refresh(this.#options)
    await dropPacks(bucket, index, packs, this.#options)
    for (const pack of packs) {
      await bucket.delete(packName(pack), this.#options)
      const size = this.#listed.get(pack)
      if (size === undefined) continue
      this.#deleted++
      this.#deletedBytes += size
    }
    for (const { name } of records) await bucket.delete(name, this.#options)
  }

  #report(chosen: PackChoice, waitingFor: readonly HeldLease[]): PruneReport {
    const done = { copiedBytes: this.#copiedBytes, deleted: this.#deleted, deletedBytes: this.#deletedBytes }
    return { ...describeChoice(this.#listed, chosen), ...done, waitingFor }
  }
}

/** Of the packs that were listed and are not condemned yet. One that no segment names has no use at all. */
function choose(
  survey: Survey,
  listed: ReadonlyMap<Id, number>,
  condemned: ReadonlySet<Id>,
  options: PruneOptions,
): PackChoice {
  const candidates: PackUse[] = []
  for (const [id, size] of listed) {
    if (condemned.has(id)) continue
    candidates.push(survey.packs.get(id) ?? unusedPack(id, size))
  }
  return choosePacks(candidates, options.deadShare ?? defaultDeadShare)
}

function describeChoice(
  listed: ReadonlyMap<Id, number>,
  { dead, rewritten }: PackChoice,
): Pick<PruneReport, 'packs' | 'bytes' | 'dead' | 'rewritten' | 'condemnedBytes'> {
  return {
    packs: listed.size,
    bytes: listed.values().reduce((total, size) => total + size, 0),
    dead: dead.length,
    rewritten: rewritten.length,
    condemnedBytes: sum([...dead, ...rewritten], ({ size }) => size),
  }
}

function packsOf(records: readonly Condemned[]): Set<Id> {
  return new Set(records.flatMap(({ packs }) => packs))
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
