import { hostname } from 'node:os'
import { isTidemarkError, TidemarkError } from '../errors.ts'
import { displayName, type Name } from '../bytes/name.ts'
import { nothingDone } from '../folder/apply/apply.ts'
import { applyTrees, type AppliedTrees } from '../folder/apply/apply-trees.ts'
import type { Problem as ApplyProblem } from '../folder/apply/problem.ts'
import { packPlaceOf, type Neighbour } from '../folder/apply/thread-sources.ts'
import type { Folder } from '../folder/folder.ts'
import { heldWhole, selectedBy } from '../folder/held.ts'
import type { Problem } from '../folder/scan/scan.ts'
import type { Batch } from '../folder/watch/dirty.ts'
import { WorkingCopyStore } from '../folder/working-copy-store.ts'
import { advanceFolder } from '../history/advance.ts'
import { prune } from '../history/prune.ts'
import { restore } from '../history/restore.ts'
import { takeSnapshot, type SnapshotOptions, type SnapshotReport } from '../history/snapshot.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { pin } from '../store/repository/pins.ts'
import type { Repository } from '../store/repository/repository.ts'
import type { RepositoryWriter } from '../store/repository/repository-writer.ts'
import type { Store } from '../store/store.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { lookUp } from '../tree/directory.ts'
import { equalEntries } from '../tree/equal-entries.ts'
import { AbsentPaths } from './absent-paths.ts'
import { lastCommon } from './base.ts'
import { FolderChanges, type ChangesOptions } from './folder-changes.ts'
import { FolderStore } from './folder-store.ts'
import { FolderReceipt } from './folder-receipt.ts'
import type { Head } from './head.ts'
import { decodePending, encodePending } from './pending-note.ts'
import { InTurn } from './in-turn.ts'
import { noDevice } from './merge/merge-heads.ts'
import { relate } from './relation.ts'
import { readSyncSettings } from './sync-settings.ts'
import type { Advance, AdvanceOptions, Filled, Pending, Receipt, Replica } from './replica.ts'

const unreadText = 'nobody who has it could read it'

export interface FolderReplicaOptions {
  /** Watch the folder, and look only at what has changed. Without it each look is at everything. */
  readonly watch?: ChangesOptions | undefined
}

/** A folder on a disk that takes part in sync. */
export class FolderReplica implements Replica {
  readonly folder: string
  readonly device: string
  readonly host: string
  readonly #of: Folder
  readonly #repository: Repository
  readonly #turn = new InTurn()
  #newest: Head | undefined
  readonly #absent: AbsentPaths
  /** Reads contents from the working files, as they were at a snapshot. */
  #workingCopy: { readonly at: Id; readonly store: WorkingCopyStore } | undefined

  /** What the system tells of changes, where it is watched. */
  readonly #changes: FolderChanges | undefined

  private constructor(
    folder: Folder,
    repository: Repository,
    changes: FolderChanges | undefined,
    absent: readonly Name[],
  ) {
    this.#of = folder
    this.#absent = new AbsentPaths(folder.root, absent)
    this.#repository = repository
    this.#changes = changes
    this.folder = folder.settings.folder
    this.device = folder.settings.device
    this.host = hostname()
  }

  static async open(folder: Folder, options: FolderReplicaOptions = {}): Promise<FolderReplica> {
    const repository = await folder.repository()
    // From now on what is left out here and others have stays in its snapshots.
    const { selected } = await readSyncSettings(folder.root)
    await folder.noteHeld({ selected })
    const changes = options.watch === undefined ? undefined : new FolderChanges(folder.root, options.watch)
    const { absent } = (await folder.held()) ?? heldWhole
    return new FolderReplica(folder, repository, changes, absent)
  }

  get store(): Store {
    const workingCopy = this.#contents()
    return workingCopy === undefined ? this.#repository : new FolderStore(this.#repository, workingCopy)
  }

  /** Where contents are read when none are kept; undefined when they are, or before the first snapshot. */
  #contents(at = this.#newest): WorkingCopyStore | undefined {
    if (this.#of.settings.history === 'kept' || at === undefined) return undefined
    const { id, snapshot } = at
    const known = this.#workingCopy
    if (known?.at === id) return known.store
    known?.store.moveOn(snapshot.root)
    const store = known?.store ?? new WorkingCopyStore(this.#of.root, this.#repository, snapshot.root)
    this.#workingCopy = { at: id, store }
    return store
  }

  capture(options: CallOptions = {}): Promise<Head> {
    return this.#turn.take(async () => {
      this.#workingCopy?.store.rest()
      let head = await this.#take(options)
      // One of before there were clocks.
      if (head.snapshot.clock.length === 0) head = await this.#take({ ...options, always: true })
      return head
    })
  }

  async #take(options: SnapshotOptions): Promise<Head> {
    const changes = this.#changes
    this.#of.checkPresent()
    this.#absent.keepPlaces()
    if (changes === undefined) {
      const report = await takeSnapshot(this.#of, options)
      return this.#note(report, true)
    }
    const batch = changes.take()
    if (batch === undefined && this.#newest !== undefined && options.always !== true) {
      this.#of.checkPresent()
      return this.#newest
    }
    try {
      const only = batch === undefined ? new Set<Name>() : batch.only
      changes.watcher.begin(only === undefined)
      const report = await takeSnapshot(this.#of, { ...options, only, watch: changes.watcher, quick: true })
      changes.watcher.end()
      return await this.#note(report, only === undefined)
    } catch (error) {
      changes.putBack({ why: 'failure' })
      throw error
    }
  }

  fill(others: Store, options: CallOptions = {}): Promise<Filled | undefined> {
    return this.#turn.take(() => this.#fill(others, options))
  }

  async #fill(others: Store, { signal }: CallOptions): Promise<Filled | undefined> {
    if (this.#newest === undefined || this.#absent.paths.size === 0) return undefined
    const { root } = this.#newest.snapshot
    const paths: Name[] = []
    for (const path of this.#absent.due()) {
      const isUnread = (await lookUp(this.#repository, root, path, { signal }))?.unreadable === true
      if (isUnread) this.#absent.tried([path], [{ path, code: 'unreadable', message: unreadText }])
      else paths.push(path)
    }
    let counts = nothingDone()
    if (paths.length > 0) {
      const store = new LayeredStore([this.store, others])
      const { problems, unchanged: _, ...done } = await restore(store, root, this.#of.root, { paths, signal })
      counts = { ...counts, ...done }
      this.#absent.tried(paths, problems)
      await this.#of.noteHeld({ absent: [...this.#absent.paths] })
    }
    const problems = this.#absent.problems()
    return paths.length + problems.length === 0 ? undefined : { counts, problems }
  }

  problems(): readonly ApplyProblem[] {
    return this.#absent.problems()
  }

  /** `all` says that everything was looked at. */
  async #note(report: SnapshotReport, all: boolean): Promise<Head> {
    const id = (report.id ?? report.parent)!
    if (this.#newest?.id !== id) {
      const snapshot = report.snapshot ?? (await this.#repository.snapshots.read(id))
      // What differs from the one before is what will be asked for.
      if (report.parent !== undefined) this.#contents(this.#newest ?? (await this.snapshot(report.parent)))
      this.#newest = { id, snapshot }
      this.#changes?.wake()
    }
    await this.#noteAbsent(this.#newest, report.problems, all)
    return this.#newest
  }

  async #noteAbsent({ snapshot: { root } }: Head, problems: readonly Problem[], all: boolean): Promise<void> {
    const before = this.#absent.paths
    this.#absent.found(problems, all)
    await this.#absent.settle((path) => lookUp(this.#repository, root, path))
    const { paths } = this.#absent
    if (paths.size !== before.size || !paths.isSubsetOf(before))
      await this.#of.noteHeld({ absent: [...paths] })
  }

  async neighbour(): Promise<Neighbour | undefined> {
    const lists = await packPlaceOf(this.#repository)
    return lists && { root: this.#of.root, lists }
  }

  async pending(options?: CallOptions): Promise<Pending | undefined> {
    const note = await this.#of.pendingNote()
    if (note === undefined) return undefined
    try {
      const { from, to } = decodePending(note)
      const start = await this.snapshot(from, options)
      const isReached = this.#newest !== undefined && relate(this.#newest, to) === 'none'
      // One that is of no use stays until the next: another process may have put that in its place.
      if (start !== undefined && !isReached) return { from: start, to }
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt', 'unsupported')) throw error
    }
    return undefined
  }

  async free(options?: CallOptions): Promise<void> {
    await prune(this.#repository, { ...options, waitMs: 0 })
  }

  async giveUp({ to }: Pending, options?: CallOptions): Promise<void> {
    await this.#of.notePending(undefined)
    // A merge that was made here and not reached: both that it was made from are still there.
    if (to.snapshot.device === noDevice && (await this.snapshot(to.id, options)) !== undefined)
      await this.#repository.snapshots.delete(to.id, options)
    await this.free(options)
  }

  async noteCommon(device: string, { id }: Head): Promise<void> {
    await pin(this.#repository.bucket, { folder: this.folder, device: this.device, other: device }, id)
  }

  async changed(after: Id, waitMs: number, { signal }: CallOptions = {}): Promise<void> {
    if (this.#newest?.id === after) await this.#changes?.wait(waitMs, signal)
  }

  async snapshot(id: Id, options?: CallOptions): Promise<Head | undefined> {
    try {
      const snapshot = await this.#repository.snapshots.read(id, options)
      return snapshot.folder === this.folder ? { id, snapshot } : undefined
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'corrupt')) return undefined
      throw error
    }
  }

  bases(one: Head, other: Head, options?: CallOptions): Promise<readonly Head[]> {
    return lastCommon(one, other, { snapshot: (id) => this.snapshot(id, options) }, [], this.device)
  }

  async receive(options?: CallOptions): Promise<Receipt> {
    return FolderReceipt.open(this.#of, this.#repository, this.#contents(), this.#moveOn, options)
  }

  readonly #moveOn = (
    writer: RepositoryWriter,
    from: Head,
    to: Head,
    source: Store,
    options: AdvanceOptions,
  ): Promise<Advance> => {
    return this.#turn.take(async () => {
      const batch = this.#changes?.take()
      try {
        return await this.#advance(writer, from, to, source, batch, options)
      } catch (error) {
        this.#changes?.putBack({ why: 'failure' })
        if (!isTidemarkError(error, 'full')) throw error
        const text = `${displayName(this.#of.root)}: ${error.message}: make room there, and sync again`
        throw new TidemarkError('full', text, { cause: error })
      }
    })
  }

  async #advance(
    writer: RepositoryWriter,
    from: Head,
    to: Head,
    source: Store,
    batch: Batch | undefined,
    { signal, onDone, neighbour, arriving }: AdvanceOptions,
  ): Promise<Advance> {
    const watch = this.#changes?.watcher
    const only = batch === undefined ? new Set<Name>() : batch.only
    const held = (await this.#of.held()) ?? heldWhole
    let applied: AppliedTrees | undefined
    const apply = async (): Promise<AppliedTrees> => {
      await this.#setOut(writer, from, to, source, { signal })
      return (applied = await applyTrees(this.#of.root, from.snapshot.root, to.snapshot.root, {
        trees: source,
        contents: source,
        repository: this.#of.settings.history === 'kept' ? this.#repository : undefined,
        neighbour,
        arriving,
        leftOut: { excluded: this.#of.excluded, selected: selectedBy(held) },
        absent: this.#absent.paths,
        signal,
        onDone,
      }))
    }
    watch?.begin(only === undefined)
    const quick = watch !== undefined
    const { head, done, problems } = await advanceFolder(this.#of, {
      writer,
      from,
      to,
      apply,
      reached: () => this.#of.notePending(undefined),
      only,
      watch,
      quick,
      signal,
    })
    watch?.end()
    this.#newest = head
    await this.#noteAbsent(head, problems, only === undefined)
    for (const path of this.#absent.paths) {
      const [before, after] = await Promise.all(
        [from, to].map(({ snapshot: { root } }) => lookUp(source, root, path, { signal })),
      )
      // Another one may well be made.
      if (before && after && !equalEntries(before, after)) this.#absent.renew(path)
    }
    this.#changes?.wake()
    const { counts = nothingDone(), refused = [], problems: told } = applied ?? {}
    this.#absent.tried(refused, told?.list ?? [])
    return { head, done, counts, problems: told?.list ?? [] }
  }

  /** Notes where it goes, as nobody else moves the folder: a note of others would be lost. */
  async #setOut(
    writer: RepositoryWriter,
    from: Head,
    to: Head,
    source: Store,
    { signal }: CallOptions,
  ): Promise<void> {
    // What a peer has can be asked for again; what was merged here is nowhere else. Its contents may be missing until it is reached.
    if (to.snapshot.device === noDevice && (await this.snapshot(to.id, { signal })) === undefined)
      await writer.publish(to.snapshot, { signal, timeline: true })
    const steps = await countSteps(source, from.snapshot.root, to.snapshot.root, 2, { signal })
    if (steps === 0) return
    // Killed on the way, it goes on by itself: whom it meets next need not have what it takes.
    if (steps > 1) await writer.flush({ signal })
    await this.#of.notePending(encodePending(from.id, to), { fleeting: steps === 1 })
  }

  async close(): Promise<void> {
    this.#changes?.close()
    await this.#turn.take(async () => this.#workingCopy?.store.close())
  }
}

/** How many steps going from one tree to another takes, `most` standing for more; directories that only get another time aside. */
async function countSteps(
  store: Store,
  from: DirectoryEntry,
  to: DirectoryEntry,
  most: number,
  options: CallOptions,
): Promise<number> {
  let steps = 0
  for await (const batch of compareTrees(store, from, to, options)) {
    for (const { before, after } of batch)
      if (before?.kind !== 'directory' || after?.kind !== 'directory') steps++
    if (steps >= most) return most
  }
  return steps
}
