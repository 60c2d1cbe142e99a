import { isTidemarkError, TidemarkError } from '../errors.ts'
import { decodeConfig } from '../object/config.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import type { Bucket, CallOptions } from '../store/bucket.ts'
import { ChunkIndex } from '../store/repository/chunk-index.ts'
import { ChunkReader } from '../store/repository/chunk-reader.ts'
import { listCondemned } from '../store/repository/condemned.ts'
import { listPacks } from '../store/repository/list-packs.ts'
import { Marks } from '../store/repository/marks.ts'
import * as place from '../store/repository/place.ts'
import { SnapshotShelf } from '../store/repository/snapshot-shelf.ts'
import { notedTimelines } from '../store/repository/timelines.ts'
import { DamageSearch, searchSnapshot } from './affected.ts'
import { Findings, mostAffected } from './finding.ts'
import type { Finding } from './finding.ts'
import { blocksFromIndex, checkPackData } from './verify-data.ts'
import { checkFooter, checkSize, compareWithFooter, countRecords, indexedPacks } from './verify-packs.ts'
import { TreeCheck } from './verify-trees.ts'

export interface VerifyOptions extends CallOptions {
  /** Also reads every pack and hashes every chunk. */
  readonly data?: boolean | undefined
  /** Of the packs, reads only one in so many: [1, 10] the first tenth, [10, 10] the last. */
  readonly subset?: readonly [part: number, of: number] | undefined
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined
}

export interface VerifyProgress {
  readonly phase: 'snapshots' | 'index' | 'packs' | 'trees' | 'damage'
  readonly done: number
  readonly total: number
}

export interface VerifyReport {
  readonly findings: readonly Finding[]
  /** True when no finding does harm. */
  readonly whole: boolean
  readonly snapshots: number
  readonly packs: number
  /** Chunks in the index. */
  readonly chunks: number
  /** Bytes of packs that were read to the last. */
  readonly bytesRead: number
}

/** What was found, with all that repair needs to act on it. To be closed. */
export interface Inspection {
  readonly report: VerifyReport
  readonly findings: Findings
  readonly snapshots: ReadonlyMap<Id, Snapshot>
  readonly index: ChunkIndex
  readonly reader: ChunkReader
  close(): void
}

/**
 * Checks a repository. It takes a bucket, because a damaged repository may not open. Rejects `missing` when
 * there is none at all, `unsupported` for a newer format, and what the bucket rejects; damage is reported.
 */
export async function verify(bucket: Bucket, options: VerifyOptions = {}): Promise<VerifyReport> {
  const inspection = await inspect(bucket, options)
  inspection.close()
  return inspection.report
}

export async function inspect(bucket: Bucket, options: VerifyOptions = {}): Promise<Inspection> {
  const findings = new Findings()
  await checkConfig(bucket, findings, options)
  const snapshots = await checkSnapshots(bucket, findings, options)

  // One index stays as it is, for marks on its records; the other follows what others do meanwhile.
  const onDamaged = (id: Id, error: unknown): void => noteSegment(findings, id, error)
  const index = new ChunkIndex(bucket, { onDamaged })
  const moving = new ChunkIndex(bucket, { onDamaged: () => {} })
  try {
    options.onProgress?.({ phase: 'index', done: 0, total: 1 })
    await index.refresh(options)
    const { packs, bytesRead } = await checkPacks(bucket, index, moving, findings, options)
    const reader = new ChunkReader(bucket, moving)
    const timelines = await notedTimelines(bucket, options)
    await checkTrees(index, reader, snapshots, timelines, findings, options)
    await findAffected(bucket, index, reader, snapshots, findings, options)
    findings.dropUnneeded()
    const whole = !findings.list.some(({ harm }) => harm)
    const counts = { snapshots: snapshots.size, packs, chunks: index.chunks, bytesRead }
    const close = (): void => [index, moving].forEach((one) => one.close())
    return {
      report: { findings: findings.list, whole, ...counts },
      findings,
      snapshots,
      index,
      reader,
      close,
    }
  } catch (error) {
    index.close()
    moving.close()
    throw error
  }
}

async function checkConfig(bucket: Bucket, findings: Findings, options: CallOptions): Promise<void> {
  try {
    decodeConfig(await bucket.get(place.configName, options))
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) findings.add('config-damaged', place.configName, error.message)
    else if (!isTidemarkError(error, 'missing')) throw error
    else if ((await listPacks(bucket, options)).size === 0)
      throw new TidemarkError('missing', 'there is no repository here', { cause: error })
    else findings.add('config-damaged', place.configName, 'is missing')
  }
  const known =
    /^(?:config|packs\/.*|index\/.*|snapshots\/.*|leases\/.*|condemned\/.*|repairs\/.*|keys\/.*|pins\/.*|timelines\/.*)$/
  for await (const { name } of bucket.list('', options)) {
    const part = name.slice(0, name.indexOf('/') + 1)
    const named =
      part === place.leasePrefix ||
      part === place.pinPrefix ||
      name === place.configName ||
      place.idInName(name) !== undefined
    if (!known.test(name) || !named) findings.add('foreign', name, 'does not belong to a repository')
  }
}

async function checkSnapshots(
  bucket: Bucket,
  findings: Findings,
  options: VerifyOptions,
): Promise<Map<Id, Snapshot>> {
  const shelf = new SnapshotShelf(bucket)
  const snapshots = new Map<Id, Snapshot>()
  const ids = await shelf.list(options)
  for (const id of ids) {
    options.onProgress?.({ phase: 'snapshots', done: snapshots.size, total: ids.length })
    try {
      snapshots.set(id, await shelf.read(id, options))
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt', 'missing')) throw error
      // One that is missing was deleted since it was listed.
      if (error.code === 'corrupt') findings.add('snapshot-damaged', place.snapshotName(id), error.message)
    }
  }
  return snapshots
}

function noteSegment(findings: Findings, id: Id, error: unknown): void {
  const where = place.segmentName(id)
  if (findings.list.some((one) => one.where === where)) return
  findings.add('segment-damaged', where, error instanceof Error ? error.message : String(error))
}

async function checkPacks(
  bucket: Bucket,
  index: ChunkIndex,
  moving: ChunkIndex,
  findings: Findings,
  options: VerifyOptions,
): Promise<{ packs: number; bytesRead: number }> {
  const condemned = await readCondemned(bucket, findings, options)
  const indexed = indexedPacks(index)
  const counts = countRecords(index)
  // After the index: a pack that it names was there before it.
  const listed = await listPacks(bucket, options)
  const missing = [...indexed.keys()].filter((pack) => !listed.has(pack))
  if (missing.length > 0) await moving.refresh(options)
  const named = missing.length > 0 ? indexedPacks(moving) : indexed
  for (const pack of missing) {
    // A prune that went on meanwhile has taken it out of the index before it deleted it.
    if (!named.has(pack)) continue
    const records = [...counts.values()].reduce((sum, packs) => sum + (packs.get(pack) ?? 0), 0)
    findings.losePack(
      pack,
      findings.add('pack-missing', place.packName(pack), `${records} chunks were in it`),
    )
  }

  let done = 0
  let bytesRead = 0
  for (const [pack, size] of listed) {
    options.onProgress?.({ phase: 'packs', done: done++, total: listed.size })
    const known = indexed.get(pack)
    if (known === undefined) {
      if (!condemned.has(pack))
        findings.add(
          'pack-unindexed',
          place.packName(pack),
          `its ${size} bytes are of no use: prune takes them`,
        )
      continue
    }
    checkSize(pack, known, size, findings)
    const blocks = await checkFooter(bucket, pack, size, findings, options)
    if (blocks !== undefined)
      for (const segment of known.segments)
        compareWithFooter(index, segment, pack, blocks, counts.get(segment)!.get(pack)!, findings)
    if (options.data !== true || !isInSubset(pack, options.subset)) continue
    await checkPackData(
      bucket,
      pack,
      size,
      blocks ?? blocksFromIndex(known.segments[0]!, pack),
      findings,
      options,
    )
    bytesRead += size
  }
  return { packs: listed.size, bytesRead }
}

async function readCondemned(bucket: Bucket, findings: Findings, options: CallOptions): Promise<Set<Id>> {
  try {
    return new Set((await listCondemned(bucket, options)).flatMap(({ packs }) => packs))
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt')) throw error
    findings.add('record-damaged', place.condemnedPrefix, error.message)
    return new Set()
  }
}

function isInSubset(pack: Id, subset: VerifyOptions['subset']): boolean {
  if (subset === undefined) return true
  const number = ((pack.charCodeAt(0) << 16) | (pack.charCodeAt(1) << 8) | pack.charCodeAt(2)) % subset[1]
  return number === subset[0] - 1
}

async function checkTrees(
  index: ChunkIndex,
  reader: ChunkReader,
  snapshots: ReadonlyMap<Id, Snapshot>,
  timelines: ReadonlySet<Id>,
  findings: Findings,
  options: VerifyOptions,
): Promise<void> {
  const marks = new Marks(index.segments)
  const check = new TreeCheck(reader, index, marks, findings, options)
  // With marks of its own: a directory may be part of a snapshot that has its contents as well.
  const timeline = new TreeCheck(reader, index, new Marks(index.segments), findings, {
    ...options,
    contents: false,
  })
  let done = 0
  for (const [id, { root, contents }] of snapshots) {
    options.onProgress?.({ phase: 'trees', done: done++, total: snapshots.size })
    await (contents && !timelines.has(id) ? check : timeline).check(root)
  }
}

async function findAffected(
  bucket: Bucket,
  index: ChunkIndex,
  reader: ChunkReader,
  snapshots: ReadonlyMap<Id, Snapshot>,
  findings: Findings,
  options: VerifyOptions,
): Promise<void> {
  if (!findings.anyLoss) return
  const search = new DamageSearch(
    reader,
    (id) => findings.blame(index, id),
    new Marks(index.segments),
    (affected, finding) => {
      finding.affectedCount++
      if (finding.affected.length < mostAffected) finding.affected.push(affected)
    },
    options,
  )
  const listed = new Set(await new SnapshotShelf(bucket).list(options))
  let done = 0
  for (const [id, { root }] of snapshots) {
    options.onProgress?.({ phase: 'damage', done: done++, total: snapshots.size })
    if (!listed.has(id)) continue
    await searchSnapshot(
      () => search.searchDirectory(id, '', root.content),
      id,
      async () => (await new SnapshotShelf(bucket).list(options)).includes(id),
    )
  }
}
