import { hostname } from 'node:os'
import { equalBytes } from '../bytes/compare.ts'
import type { Name } from '../bytes/name.ts'
import { Writer } from '../bytes/writer.ts'
import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { Folder } from '../folder/folder.ts'
import type { Ingest } from '../folder/ingest/ingest.ts'
import { StoringIngest } from '../folder/ingest/storing-ingest.ts'
import type { FolderState } from '../folder/state.ts'
import type { Problem, ScanCounts, ScanResult, ScanWatch } from '../folder/scan/scan.ts'
import { Scanner } from '../folder/scan/scanner.ts'
import { nextClock, type Placed } from '../object/clock.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import { encodeEntry } from '../object/entry-codec.ts'
import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { MemoryStore } from '../store/memory-store.ts'
import { lossNotes } from '../store/repository/repairs.ts'
import { holdsAll } from '../store/repository/holds-all.ts'
import type { Repository } from '../store/repository/repository.ts'
import type { RepositoryWriter } from '../store/repository/repository-writer.ts'
import { version } from '../version.ts'
import { countFlagged } from './flagged.ts'
import type { Flagged } from './flagged.ts'
import { findParent } from './parent.ts'

export interface SnapshotOptions {
  readonly message?: string | undefined
  readonly tags?: readonly string[] | undefined
  /** Take one even when nothing has changed. A message or a tag asks for that as well. */
  readonly always?: boolean | undefined
  /** Take one only when something has changed, in spite of a message or a tag. */
  readonly onlyIfChanged?: boolean | undefined
  readonly oneFileSystem?: boolean | undefined
  /**
   * Look only at these directories (paths from the root) and what is new in them. Everything is looked at all
   * the same when some file has several names.
   */
  readonly only?: ReadonlySet<Name> | undefined
  /** Is told which directories are looked at, to notice what changes in them later. */
  readonly watch?: ScanWatch | undefined
  /** How long to wait for another process that takes a snapshot of the same folder. Milliseconds. */
  readonly waitMs?: number | undefined
  readonly onProgress?: ((counts: ScanCounts) => void) | undefined
  readonly signal?: AbortSignal | undefined
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

const defaultWait = 60_000

/** The snapshot on which the folder's state rests has been forgotten: nothing it names can be relied on. */
class BaseForgotten extends Error {}

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
  const { waitMs = defaultWait, signal } = options
  let state = folder.state()
  await cancellable(state.begin(waitMs, signal))
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await cancellable(new Taking(folder, repository, options).run())
      } catch (error) {
        const stale = error instanceof BaseForgotten || isTidemarkError(error, 'corrupt')
        if (!stale || attempt > 1) throw error
        if (tryToClear(state)) continue
        state = folder.renewState()
        await cancellable(state.begin(waitMs, signal))
      }
    }
  } finally {
    state.rollback()
  }
}

/** False when the state is itself what is damaged. */
function tryToClear(state: FolderState): boolean {
  try {
    state.clear()
    return true
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return false
    throw error
  }
}

/**
 * Notes what was found, if that can be: its disk may be full. A snapshot is taken all the same, and the next
 * one finds it.
 */
function note(state: FolderState, what: () => void): void {
  try {
    what()
    state.commit()
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    state.rollback()
  }
}

/** One attempt, within the transaction on the folder's state. */
class Taking {
  readonly #folder: Folder
  readonly #repository: Repository
  readonly #options: SnapshotOptions
  #problems: Problem[] = []
  /** The trees of a partial scan, where they have to be compared with those before. */
  #fresh: MemoryStore | undefined
  #writer: Promise<RepositoryWriter> | undefined
  #losses = ''

  constructor(folder: Folder, repository: Repository, options: SnapshotOptions) {
    this.#folder = folder
    this.#repository = repository
    this.#options = options
  }

  async run(): Promise<SnapshotReport> {
    const ingest = new StoringIngest(
      () => this.#write(),
      this.#folder.settings.history === 'kept',
      this.#options.signal,
    )
    try {
      const state = this.#folder.state()
      this.#losses = await lossNotes(this.#repository.bucket, this.#options)
      // What was lost is to be had from the folder again, if that still has it.
      if (state.base !== undefined && state.losses !== this.#losses) state.clear()
      const parent = await findParent(this.#folder, this.#repository)
      const before =
        parent?.base === undefined ? undefined : await this.#repository.snapshots.read(parent.base)
      const { linked } = state
      let partial = this.#options.only !== undefined && before !== undefined && !linked
      if (partial && before!.unreadable + before!.unstable > 0) this.#fresh = new MemoryStore()
      let scan = await this.#scan(ingest, before?.root, partial)
      if (partial && scan.linked) {
        partial = false
        this.#problems = []
        scan = await this.#scan(ingest, scan.root, partial)
      }
      await ingest.finish()
      // After the scan: whatever it saw was seen in the right place.
      this.#folder.checkPresent()
      const flagged = await this.#flagged(partial ? before : undefined, scan.root)
      return await this.#conclude(scan, parent?.id, flagged)
    } catch (error) {
      await ingest.abort()
      throw error
    } finally {
      const writer = await this.#writer?.catch(() => undefined)
      await writer?.close()
    }
  }

  #scan(ingest: Ingest, before: DirectoryEntry | undefined, partial: boolean): Promise<ScanResult> {
    const { only, watch, oneFileSystem, onProgress, signal } = this.#options
    return new Scanner({
      root: this.#folder.root,
      before,
      memory: this.#folder.state(),
      ingest,
      put: (id, bytes) => this.#put(id, bytes),
      excluded: this.#folder.excluded,
      oneFileSystem,
      only: partial ? only : undefined,
      watch,
      onProblem: (problem) => this.#problems.push(problem),
      onProgress,
      signal,
    }).run()
  }

  /** How much of a tree is not whole. A partial scan has met only some of it: the rest is as it was `before`. */
  async #flagged(before: Snapshot | undefined, root: DirectoryEntry): Promise<Flagged> {
    if (before !== undefined && this.#fresh !== undefined) {
      const store = new LayeredStore([this.#fresh, this.#repository])
      return countFlagged(store, before.root, root, before, this.#options)
    }
    const count = (code: Problem['code']): number =>
      this.#problems.filter((problem) => problem.code === code).length
    return { unreadable: count('unreadable'), unstable: count('unstable') }
  }

  async #put(id: Id, bytes: Uint8Array): Promise<void> {
    await this.#fresh?.put(id, bytes)
    const writer = await this.#write()
    await writer.putMetadata(id, bytes)
  }

  /**
   * Opens the writer when there is something to write. Only under its lease can the state be relied on: its
   * chunks are there as long as its snapshot is.
   */
  #write(): Promise<RepositoryWriter> {
    this.#writer ??= this.#open()
    return this.#writer
  }

  async #open(): Promise<RepositoryWriter> {
    const writer = await this.#repository.write(this.#options)
    try {
      if (await this.#canRelyOnBase(writer)) return writer
    } catch (error) {
      await writer.close()
      throw error
    }
    await writer.close()
    throw new BaseForgotten()
  }

  /**
   * That the base is listed is enough only when nothing had been condemned as the writer began: otherwise it
   * may be forgotten next, and the packs that only it needs are waited for no longer.
   */
  async #canRelyOnBase(writer: RepositoryWriter): Promise<boolean> {
    const { base } = this.#folder.state()
    if (base === undefined) return true
    if (!(await this.#repository.snapshots.list(this.#options)).includes(base)) return false
    if (writer.condemned.size === 0) return true
    return holdsAll(writer, (await this.#repository.snapshots.read(base, this.#options)).root, this.#options)
  }

  async #conclude(scan: ScanResult, parent: Id | undefined, flagged: Flagged): Promise<SnapshotReport> {
    const { message = '', tags = [], always = false, onlyIfChanged = false } = this.#options
    const state = this.#folder.state()
    const last = parent === undefined ? undefined : await this.#repository.snapshots.read(parent)
    const described = message !== '' || tags.length > 0
    const wanted = always || (described && !onlyIfChanged) || last === undefined
    const report = { ...scan.counts, problems: this.#problems, parent }
    if (!wanted && sameEntry(scan.root, last.root)) {
      // Contents that had been lost are part of the repository again.
      if (this.#writer) await (await this.#writer).flush(this.#options)
      // It need not be the base: one that was killed may have published the parent without noting it.
      note(state, () => {
        state.base = parent!
        state.losses = this.#losses
        state.linked = scan.linked
      })
      return { ...report, id: undefined, snapshot: undefined, stored: 0 }
    }
    const writer = await this.#write()
    const snapshot = this.#describe(
      scan.root,
      parent === undefined ? undefined : { id: parent, clock: last!.clock },
      message,
      tags,
      flagged,
    )
    const id = await writer.publish(snapshot, this.#options)
    note(state, () => {
      state.base = id
      state.losses = this.#losses
      state.linked = scan.linked
      state.see(id)
    })
    // The snapshot is there: tidying up can wait for the next one, and what is damaged is for `verify` to tell.
    await writer.compact(this.#options).catch(() => {})
    return { ...report, id, snapshot, stored: writer.stored }
  }

  #describe(
    root: DirectoryEntry,
    parent: Placed | undefined,
    message: string,
    tags: readonly string[],
    flagged: Flagged,
  ): Snapshot {
    const { settings, root: path } = this.#folder
    return {
      folder: settings.folder,
      device: settings.device,
      host: hostname(),
      path,
      time: Date.now(),
      parents: parent === undefined ? [] : [parent.id],
      clock: nextClock(parent === undefined ? [] : [parent], settings.device),
      root,
      message,
      tags: [...new Set(tags)].toSorted(),
      unreadable: flagged.unreadable,
      unstable: flagged.unstable,
      program: `tidemark ${version}`,
      contents: settings.history === 'kept',
    }
  }
}

function sameEntry(a: DirectoryEntry, b: DirectoryEntry): boolean {
  const [first, second] = [new Writer(), new Writer()]
  encodeEntry(first, a)
  encodeEntry(second, b)
  return equalBytes(first.view(), second.view())
}

/** Says `cancelled` in our own words when an AbortSignal ended the work. */
async function cancellable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error
    throw new TidemarkError('cancelled', 'the snapshot was cancelled: nothing was recorded', { cause: error })
  }
}
