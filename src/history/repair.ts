import { randomBytes } from 'node:crypto'
import { isTidemarkError } from '../errors.ts'
import { decodeConfig, encodeConfig } from '../object/config.ts'
import { idOf } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { Bucket } from '../store/bucket.ts'
import { takeCare } from '../store/repository/care.ts'
import type { CareOptions } from '../store/repository/care.ts'
import { listCondemned } from '../store/repository/condemned.ts'
import { noteLoss } from '../store/repository/repairs.ts'
import { listPacks } from '../store/repository/list-packs.ts'
import { Marks } from '../store/repository/marks.ts'
import { readPackFooter } from '../store/repository/pack-reader.ts'
import { condemnedPrefix, configName, idInName, snapshotName } from '../store/repository/place.ts'
import { rebuildIndex } from '../store/repository/rebuild-index.ts'
import { Repository } from '../store/repository/repository.ts'
import { salvagePack } from '../store/repository/salvage.ts'
import { DamageSearch } from './affected.ts'
import { Findings } from './finding.ts'
import type { Finding } from './finding.ts'
import { newestFirst } from './log.ts'
import { Replacement, repairedTag } from './replace-snapshot.ts'
import { checkPackData } from './verify-data.ts'
import { inspect } from './verify.ts'
import type { Inspection } from './verify.ts'

export interface RepairOptions extends CareOptions {
  /** Also reads every pack, and saves what is whole of those that are damaged anywhere. */
  readonly data?: boolean | undefined
  /** Writes for each damaged snapshot another one, in which what is lost is marked as unreadable. */
  readonly replace?: boolean | undefined
  /** With `replace`: deletes the damaged snapshots then, also those that cannot be read at all. */
  readonly dropDamaged?: boolean | undefined
}

export interface RepairReport {
  /** Chunks that the new index tells of. */
  readonly chunks: number
  /** Packs found damaged, and what could be saved of them. They are of no more use: prune takes them. */
  readonly damagedPacks: readonly Id[]
  readonly salvagedChunks: number
  readonly salvagedBytes: number
  /** True when the configuration was lost, and the repository has got a new one. */
  readonly newConfig: boolean
  /** Damaged lists of condemned packs that were deleted. */
  readonly deletedRecords: number
  /** What is still amiss, with the paths that are lost. */
  readonly findings: readonly Finding[]
  /** Damaged snapshots and those written for them. */
  readonly replaced: readonly { readonly damaged: Id; readonly by: Id }[]
  readonly deletedSnapshots: readonly Id[]
}

/**
 * Makes the index anew from the packs, saves what is whole of damaged packs, and tells what is lost. It
 * deletes no snapshot and no pack unless asked. Rejects `busy` when another process prunes or repairs.
 */
export async function repair(bucket: Bucket, options: RepairOptions = {}): Promise<RepairReport> {
  const newConfig = await repairConfig(bucket, options)
  const lease = await takeCare(bucket, options)
  try {
    const deletedRecords = await deleteDamagedRecords(bucket, options)
    const spoilt = options.data === true ? await findSpoilt(bucket, options) : new Map<Id, number>()
    const { chunks, damaged } = await rebuildIndex(bucket, new Set(spoilt.keys()), options)
    const packs = new Map([...spoilt, ...damaged])
    const salvaged = await salvage(bucket, packs, options)
    const inspection = await inspect(bucket, options)
    try {
      if (inspection.findings.anyLoss) await noteLoss(bucket, options)
      const replaced = options.replace === true ? await replaceDamaged(bucket, inspection, options) : []
      const deletedSnapshots =
        options.replace === true && options.dropDamaged === true
          ? await dropDamaged(bucket, inspection, replaced, options)
          : []
      return {
        chunks,
        damagedPacks: [...packs.keys()],
        ...salvaged,
        newConfig,
        deletedRecords,
        findings: inspection.report.findings,
        replaced,
        deletedSnapshots,
      }
    } finally {
      inspection.close()
    }
  } finally {
    await lease.release()
  }
}

/** Without its configuration a repository cannot be opened; all that is lost with it is its own id. */
async function repairConfig(bucket: Bucket, options: RepairOptions): Promise<boolean> {
  try {
    decodeConfig(await bucket.get(configName, options))
    return false
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt', 'missing')) throw error
    if (error.code === 'missing' && (await listPacks(bucket, options)).size === 0) throw error
  }
  const id = randomBytes(16).toString('hex')
  const config = {
    format: 'tidemark repository',
    version: 1,
    id,
    hash: 'sha256',
    chunker: 'two-level-1',
  } as const
  await bucket.put(configName, encodeConfig(config), options)
  return true
}

/** Nobody prunes meanwhile: what a record said that cannot be read is no longer on anyone's mind. */
async function deleteDamagedRecords(bucket: Bucket, options: RepairOptions): Promise<number> {
  try {
    await listCondemned(bucket, options)
    return 0
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt')) throw error
  }
  let deleted = 0
  for await (const { name } of bucket.list(condemnedPrefix, options)) {
    if (idOf(await bucket.get(name, options)) === idInName(name)) continue
    await bucket.delete(name, options)
    deleted++
  }
  return deleted
}

/** Packs with a good footer whose bytes are damaged. */
async function findSpoilt(bucket: Bucket, options: RepairOptions): Promise<Map<Id, number>> {
  const spoilt = new Map<Id, number>()
  for (const [pack, size] of await listPacks(bucket, options)) {
    const findings = new Findings()
    try {
      const blocks = await readPackFooter(bucket, pack, size, options)
      await checkPackData(bucket, pack, size, blocks, findings, options)
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt', 'failed', 'missing')) throw error
    }
    if (findings.list.length > 0) spoilt.set(pack, size)
  }
  return spoilt
}

async function salvage(
  bucket: Bucket,
  packs: ReadonlyMap<Id, number>,
  options: RepairOptions,
): Promise<Pick<RepairReport, 'salvagedChunks' | 'salvagedBytes'>> {
  let [salvagedChunks, salvagedBytes] = [0, 0]
  if (packs.size === 0) return { salvagedChunks, salvagedBytes }
  const repository = await Repository.open(bucket, options)
  const writer = await repository.write(options)
  try {
    for (const [pack, size] of packs) {
      for await (const { id, bytes, metadata } of salvagePack(bucket, pack, size, options)) {
        if (writer.holds(id)) continue
        await (metadata ? writer.putMetadata(id, bytes) : writer.putData(id, bytes))
        salvagedChunks++
        salvagedBytes += bytes.length
      }
      await writer.flush(options)
    }
  } finally {
    await writer.close()
    repository.close()
  }
  return { salvagedChunks, salvagedBytes }
}

async function replaceDamaged(
  bucket: Bucket,
  { findings, snapshots, index, reader }: Inspection,
  options: RepairOptions,
): Promise<RepairReport['replaced']> {
  if (!findings.anyLoss) return []
  const repository = await Repository.open(bucket, options)
  const writer = await repository.write(options)
  try {
    const blame = (id: Id): Finding | undefined => findings.blame(index, id)
    const search = new DamageSearch(reader, blame, new Marks(index.segments), () => {}, options)
    const replacement = new Replacement(writer, reader, blame, search, options)
    const by = new Map<Id, Id>()
    const logged = newestFirst([...snapshots].map(([id, snapshot]) => ({ id, snapshot })))
    // Parents first, so that a replacement has the replacements of its parents.
    for (const { id, snapshot } of logged.toReversed()) {
      const replaced = await replacement.replace(snapshot)
      if (replaced === undefined) continue
      const parents = snapshot.parents.map((parent) => by.get(parent) ?? parent)
      // Two snapshots with the same tag would make it name neither.
      const tags = [...new Set([...(options.dropDamaged === true ? snapshot.tags : []), repairedTag])]
      by.set(id, await writer.publish({ ...replaced, parents, tags }, options))
    }
    return [...by].map(([damaged, by]) => ({ damaged, by }))
  } finally {
    await writer.close()
    repository.close()
  }
}

async function dropDamaged(
  bucket: Bucket,
  { report }: Inspection,
  replaced: RepairReport['replaced'],
  options: RepairOptions,
): Promise<Id[]> {
  const unreadable = report.findings.flatMap(({ code, where }) => {
    const id = code === 'snapshot-damaged' ? idInName(where) : undefined
    return id === undefined ? [] : [id]
  })
  const deleted = [...replaced.map(({ damaged }) => damaged), ...unreadable]
  for (const id of deleted) await bucket.delete(snapshotName(id), options)
  return deleted
}
