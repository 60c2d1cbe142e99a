import { TidemarkError } from '../errors.ts'
import { idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { pinned } from '../store/repository/pins.ts'
import type { Repository } from '../store/repository/repository.ts'
import type { Zone } from './local-time.ts'
import { listSnapshots } from './log.ts'
import type { LoggedSnapshot } from './log.ts'
import { retain } from './retention.ts'
import type { RetentionPolicy } from './retention.ts'

export interface ForgetOptions extends CallOptions {
  /** Only decides; deletes nothing. */
  readonly dryRun?: boolean | undefined
  /** Where days, weeks and months begin. The system's time zone by default. */
  readonly zone?: Zone
}

export interface ForgetReport {
  readonly kept: readonly {
    readonly id: Id
    readonly snapshot: LoggedSnapshot
    readonly reasons: readonly string[]
  }[]
  /** Deleted, or to be deleted by a run that is not dry. */
  readonly forgotten: readonly LoggedSnapshot[]
}

/**
 * Deletes those snapshots of `folder` that `policy` does not keep. What they alone needed stays until the
 * next prune. Remaining snapshots may then have parents that are gone. The last that two copies of the folder had in
 * common is always kept: the next merge needs it.
 */
export async function forget(
  repository: Repository,
  folder: string,
  policy: RetentionPolicy,
  options: ForgetOptions = {},
): Promise<ForgetReport> {
  const logged = await listSnapshots(repository, { folder, signal: options.signal })
  const shared = await pinned(repository.bucket, folder, { signal: options.signal })
  const items = logged.map((one) => {
    const { time, tags } = one.snapshot
    return { id: one.id, time, tags, isShared: shared.has(one.id), one }
  })
  const { keep, forget } = retain(items, policy, options.zone)
  const forgotten = forget.map(({ one }) => one)
  // Oldest first: whatever interrupts it, what is left is a history without its beginning.
  if (options.dryRun !== true)
    for (const { id } of forgotten.toReversed()) await repository.snapshots.delete(id, options)
  return {
    kept: keep.map(({ snapshot, reasons }) => ({ id: snapshot.id, snapshot: snapshot.one, reasons })),
    forgotten,
  }
}

/** Deletes these snapshots, of whatever folder. Rejects `missing`, having deleted none, when one is not there. */
export async function forgetSnapshots(
  repository: Repository,
  ids: readonly Id[],
  options: Omit<ForgetOptions, 'zone'> = {},
): Promise<void> {
  const listed = new Set(await repository.snapshots.list(options))
  const absent = ids.find((id) => !listed.has(id))
  if (absent !== undefined) throw new TidemarkError('missing', `there is no snapshot ${idToHex(absent)}`)
  if (options.dryRun === true) return
  for (const id of ids) await repository.snapshots.delete(id, options)
}
