import type { Name } from '../bytes/name.ts'
import type { Folder } from '../folder/folder.ts'
import type { Problem, ScanCounts } from '../folder/scan/scan.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import { sameEntry, Taking, withState, type Last, type Look, type TakingOptions } from './taking.ts'

export interface SnapshotOptions extends TakingOptions {
  readonly message?: string | undefined
  readonly tags?: readonly string[] | undefined
  /** Take one even when nothing has changed. A message or a tag asks for that as well. */
  readonly always?: boolean | undefined
  /** Take one only when something has changed, in spite of a message or a tag. */
  readonly onlyIfChanged?: boolean | undefined
  /**
   * Look only at these directories (paths from the root) and what is new in them. Everything is looked at all
   * the same when some file has several names.
   */
  readonly only?: ReadonlySet<Name> | undefined
}

export interface SnapshotReport extends ScanCounts {
  /** The new snapshot; undefined when nothing had changed. */
  readonly id: Id | undefined
  readonly snapshot: Snapshot | undefined
  /** The one before it; when there is no new one, the one that still holds. */
  readonly parent: Id | undefined
  /** Bytes added to the repository. */
  readonly stored: number
  readonly problems: readonly Problem[]
}

/**
 * Takes a snapshot of a folder. Files that have not changed since the last one are not read. What could not
 * be kept is in the report's `problems`; the snapshot is taken all the same.
 *
 * Rejects `busy` when another process takes one for too long, `unavailable` when the folder's directory is
 * no longer what it was, and whatever the repository rejects. Then nothing has changed but that packs
 * without use may lie in the repository.
 */
export async function takeSnapshot(folder: Folder, options: SnapshotOptions = {}): Promise<SnapshotReport> {
  folder.checkPresent()
  const repository = await folder.repository()
  return withState(folder, options, async () => {
    const taking = new Taking(folder, repository, options)
    try {
      const last = await taking.begin()
      return await conclude(taking, await taking.look(options.only), last, options)
    } catch (error) {
      await taking.abort()
      throw error
    } finally {
      await taking.close()
    }
  })
}

async function conclude(
  taking: Taking,
  look: Look,
  last: Last | undefined,
  options: SnapshotOptions,
): Promise<SnapshotReport> {
  const { message = '', tags = [], always = false, onlyIfChanged = false } = options
  const described = message !== '' || tags.length > 0
  const wanted = always || (described && !onlyIfChanged) || last === undefined
  const report = { ...look.scan.counts, problems: taking.problems, parent: last?.id }
  if (!wanted && sameEntry(look.scan.root, last.snapshot.root)) {
    // Contents that had been lost are part of the repository again.
    if (taking.writer) await (await taking.writer).flush(options)
    // It need not be the base: one that was killed may have published the parent without noting it.
    taking.note(look, last.id)
    return { ...report, id: undefined, snapshot: undefined, stored: 0 }
  }
  const { id, snapshot } = await taking.publish(look, last, message, tags)
  taking.note(look, id)
  const writer = await taking.write()
  // The snapshot is there: tidying up can wait for the next one, and what is damaged is for `verify` to tell.
  await writer.compact(options).catch(() => {})
  return { ...report, id, snapshot, stored: writer.stored }
}
