import { setTimeout as sleep } from 'node:timers/promises'
import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { Folder } from '../folder/folder.ts'
import type { Applied } from '../folder/apply/apply-trees.ts'
import type { Problem, ScanCounts } from '../folder/scan/scan.ts'
import { idOf } from '../object/id.ts'
import { encodeSnapshot } from '../object/snapshot.ts'
import type { RepositoryWriter } from '../store/repository/repository-writer.ts'
import { sameEntry, Taking, withState, type Last, type TakingOptions } from './taking.ts'

export interface AdvanceFolderOptions extends TakingOptions {
  /** Under its lease the trees of `to` were put, and its contents, if they are kept. It stays open. */
  readonly writer: RepositoryWriter
  /** The folder's newest snapshot, as far as is known. */
  readonly from: Last
  /** The one that it is to become. */
  readonly to: Last
  /**
   * Makes the working files what `to` says, as far as that can be done, and durable. Called once at most, when
   * nothing stands against it.
   */
  readonly apply: () => Promise<Applied>
  /** Called when `to` is the newest snapshot, before anybody else may move the folder. */
  readonly reached?: (() => Promise<void>) | undefined
  /** Directories to look at besides those that are touched; without it everything is looked at. */
  readonly only?: ReadonlySet<Name> | undefined
}

export interface AdvancedFolder extends ScanCounts {
  /** The folder's newest snapshot now: `to`, or one after it, or one after `from`, or `from` itself. */
  readonly head: Last
  /** `to` is the newest snapshot, or came before it. */
  readonly done: boolean
  /** What could not be kept as it is. */
  readonly problems: readonly Problem[]
}

/**
 * Moves a folder on to a snapshot that was made elsewhere. When all was applied, that is published and is the
 * newest; if the working files then are not what it says, because somebody changed them meanwhile, one after it is
 * taken as well. When something could not be applied, what was is recorded in a snapshot after `from`, and `to`
 * is not taken in.
 *
 * Nobody else takes a snapshot of the folder meanwhile. Killed at any moment, the next snapshot comes after
 * `from`, or after `to` if everything of that was durable by then. Rejects `conflict` before anything is applied
 * when `from` is not the newest snapshot of the folder, and what `takeSnapshot` and `apply` reject.
 */
export async function advanceFolder(folder: Folder, options: AdvanceFolderOptions): Promise<AdvancedFolder> {
  const { from, to, signal } = options
  if (idOf(encodeSnapshot(to.snapshot)) !== to.id || to.snapshot.folder !== folder.settings.folder)
    throw new TidemarkError('corrupt', 'the snapshot to go on to is not what it is said to be')
  folder.checkPresent()
  const repository = await folder.repository()
  let begun = false
  const work = async (): Promise<AdvancedFolder> => {
    const taking = new Taking(folder, repository, options, options.writer)
    try {
      const last = await taking.begin()
      if (last?.id !== from.id)
        throw new TidemarkError('conflict', 'the folder has a newer snapshot than the one to go on from')
      // Before anything is changed: whether what is remembered can be relied on.
      const writer = await taking.write()
      begun = true
      const { done, touched, placed, moved, left } = await options.apply()
      // What is known of the files in a directory that has another name holds for them there.
      for (const { from, to, before } of moved)
        if (before.kind === 'directory') folder.state().rename(from, to)
      // So that what changes in these files from now on shows.
      const wait = placed.settlingMs(Date.now())
      if (wait > 0) await sleep(wait, undefined, { signal })
      const look = await taking.look(options.only?.union(touched), placed, done ? left : undefined)
      let head = from
      if (done) {
        await noteAbsent(folder, taking.problems)
        // First what leads a later snapshot to it, then itself: there is no moment at which it is there unnoticed.
        await folder.noteHead(to.id)
        await writer.publish(to.snapshot, { signal, timeline: folder.settings.history === 'none' })
        await options.reached?.()
        head = to
      }
      if (!sameEntry(look.scan.root, head.snapshot.root)) head = await taking.publish(look, head)
      taking.note(look, head.id)
      await writer.compact({ signal }).catch(() => {})
      return { ...look.scan.counts, head, done, problems: taking.problems }
    } catch (error) {
      await taking.abort()
      throw error
    }
  }
  return withState(folder, options, work, () => !begun)
}

/** So that what is not here does not look deleted, whatever becomes of the folder's state. */
async function noteAbsent(folder: Folder, problems: readonly Problem[]): Promise<void> {
  const absent = problems.flatMap(({ path, code }) => (code === 'not-here' ? [path] : []))
  const held = absent.length === 0 ? undefined : await folder.held()
  if (held !== undefined) await folder.noteHeld({ absent: [...new Set([...held.absent, ...absent])] })
}
