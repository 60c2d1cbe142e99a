import { hostname } from 'node:os'
import { equalBytes } from '../bytes/compare.ts'
import type { Name } from '../bytes/name.ts'
import { Writer } from '../bytes/writer.ts'
import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { Folder } from '../folder/folder.ts'
import type { Ingest } from '../folder/ingest/ingest.ts'
import { StoringIngest } from '../folder/ingest/storing-ingest.ts'
import type { Held } from '../folder/held.ts'
import type { FolderState } from '../folder/state.ts'
import type { LeftEntries } from '../folder/scan/carry.ts'
import type { PlacedEntries } from '../folder/scan/placed.ts'
import type { Problem, ScanCounts, ScanResult, ScanWatch } from '../folder/scan/scan.ts'
import { Scanner } from '../folder/scan/scanner.ts'
import { nextClock } from '../object/clock.ts'
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
import type { Store } from '../store/store.ts'
import { version } from '../version.ts'
import { countFlagged } from './flagged.ts'
import type { Flagged } from './flagged.ts'
import { carryOf } from './carry-of.ts'
import { fillState } from './fill-state.ts'
import { findParent } from './parent.ts'

export interface TakingOptions {
  readonly oneFileSystem?: boolean | undefined
  /** Is told which directories are looked at, to notice what changes in them later. */
  readonly watch?: ScanWatch | undefined
  /** Read files soon after they were written: the folder is watched, and looked at again when they change. */
  readonly quick?: boolean | undefined
  /** How long to wait for another process that takes a snapshot of the same folder. Milliseconds. */
  readonly waitMs?: number | undefined
  readonly onProgress?: ((counts: ScanCounts) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** A snapshot that something comes after. */
export interface Last {
  readonly id: Id
  readonly snapshot: Snapshot
}

/** What was found in the folder. */
export interface Look {
  readonly scan: ScanResult
  /** How much of the tree is not whole. */
  readonly flagged: Flagged
}

const defaultWait = 60_000

/** The snapshot on which the folder's state rests has been forgotten: nothing it names can be relied on. */
class BaseForgotten extends Error {}

/**
 * Runs `work` in a transaction on the folder's state; once more, with nothing remembered, when what is remembered
 * turns out to be of no use, if it may be repeated then.
 */
export async function withState<T>(
  folder: Folder,
  { waitMs = defaultWait, signal }: TakingOptions,
  work: () => Promise<T>,
  mayRepeat: () => boolean = () => true,
): Promise<T> {
  let state = folder.state()
  await cancellable(state.begin(waitMs, signal))
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await cancellable(work())
      } catch (error) {
        const stale = error instanceof BaseForgotten || isTidemarkError(error, 'corrupt')
        if (!stale || attempt > 1 || !mayRepeat()) throw error
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

/** One attempt at a snapshot, within the transaction on the folder's state. */
export class Taking {
  readonly folder: Folder
  readonly repository: Repository
  readonly problems: Problem[] = []
  readonly #options: TakingOptions
  /** Somebody else's writer, who closes it. */
  readonly #given: RepositoryWriter | undefined
  readonly #ingest: StoringIngest
  /** What the state belongs to; undefined when it is of no use. */
  #before: Last | undefined
  /** The trees of a partial scan, where they have to be compared with those before. */
  #fresh: MemoryStore | undefined
  #writer: Promise<RepositoryWriter> | undefined
  #losses = ''
  #held: Held | undefined
  #left: LeftEntries | undefined
  /** The tree that the state was filled from, where it was lost. */
  #filled: DirectoryEntry | undefined

  constructor(folder: Folder, repository: Repository, options: TakingOptions, writer?: RepositoryWriter) {
    this.folder = folder
    this.repository = repository
    this.#options = options
    this.#given = writer
    this.#ingest = new StoringIngest(() => this.write(), folder.settings.history === 'kept', options.signal)
  }

  /** Finds what the next snapshot comes after; undefined for the first. */
  async begin(): Promise<Last | undefined> {
    const { snapshots } = this.repository
    const state = this.folder.state()
    this.#losses = await lossNotes(this.repository.bucket, this.#options)
    // What was lost is to be had from the folder again, if that still has it.
    if (state.base !== undefined && state.losses !== this.#losses) state.clear()
    this.#held = await this.folder.held()
    let parent = await findParent(this.folder, this.repository)
    // Killed before it could say what of that is left out here: by what it says, others' files would look deleted.
    if (parent?.base !== undefined && parent.isAhead && this.#held !== undefined) {
      state.clear()
      parent = { ...parent, base: undefined }
    }
    const last = parent && { id: parent.id, snapshot: await snapshots.read(parent.id) }
    if (parent?.base !== undefined)
      this.#before = { id: parent.base, snapshot: await snapshots.read(parent.base) }
    if (last && parent?.base === undefined && this.#held !== undefined) {
      // What is left out of the folder is only there.
      await fillState(state, this.repository, last.snapshot.root, new Set(this.#held.absent), this.#options)
      this.#filled = last.snapshot.root
    }
    return last
  }

  /**
   * Looks at the folder, or at the directories `only` if that can be. `placed` is what was put there since it was
   * looked at last, `left` what was left out of what was to be put there.
   */
  async look(only?: ReadonlySet<Name>, placed?: PlacedEntries, left?: LeftEntries): Promise<Look> {
    this.#left = left
    const before = this.#before?.snapshot
    let partial = only !== undefined && before !== undefined && !this.folder.state().linked
    if (partial && before!.unreadable + before!.unstable > 0) this.#fresh = new MemoryStore()
    let scan = await this.#scan(before?.root ?? this.#filled, partial ? only : undefined, placed)
    if (partial && scan.linked) {
      partial = false
      this.problems.length = 0
      scan = await this.#scan(scan.root, undefined, placed)
    }
    await this.#ingest.finish()
    // After the scan: whatever it saw was seen in the right place.
    this.folder.checkPresent()
    return { scan, flagged: await this.#flagged(partial ? before : undefined, scan.root) }
  }

  /** All there are: what was put just now may be nowhere else yet. */
  async #trees(): Promise<Store> {
    return (await this.#writer) ?? this.repository
  }

  async #scan(
    before: DirectoryEntry | undefined,
    only: ReadonlySet<Name> | undefined,
    placed: PlacedEntries | undefined,
  ): Promise<ScanResult> {
    const { watch, oneFileSystem, quick, onProgress, signal } = this.#options
    const ingest: Ingest = this.#ingest
    const trees = await this.#trees()
    return new Scanner({
      root: this.folder.root,
      before,
      memory: this.folder.state(),
      ingest,
      put: (id, bytes) => this.#put(id, bytes),
      excluded: this.folder.excluded,
      oneFileSystem,
      only,
      watch,
      placed,
      carry: carryOf(this.#held, trees, this.#left),
      quick,
      onProblem: (problem) => this.problems.push(problem),
      onProgress,
      signal,
    }).run()
  }

  /** How much of a tree is not whole. A partial scan has met only some of it: the rest is as it was `before`. */
  async #flagged(before: Snapshot | undefined, root: DirectoryEntry): Promise<Flagged> {
    if (before !== undefined && this.#fresh !== undefined) {
      const store = new LayeredStore([this.#fresh, await this.#trees()])
      return countFlagged(store, before.root, root, before, this.#options)
    }
    const count = (code: Problem['code']): number =>
      this.problems.filter((problem) => problem.code === code).length
    return { unreadable: count('unreadable'), unstable: count('unstable') }
  }

  async #put(id: Id, bytes: Uint8Array): Promise<void> {
    await this.#fresh?.put(id, bytes)
    const writer = await this.write()
    await writer.putMetadata(id, bytes)
  }

  /** The writer, if there has been something to write. */
  get writer(): Promise<RepositoryWriter> | undefined {
    return this.#writer
  }

  /**
   * Opens the writer when there is something to write. Only under its lease can the state be relied on: its
   * chunks are there as long as its snapshot is. Throws when it cannot; see {@link withState}.
   */
  write(): Promise<RepositoryWriter> {
    this.#writer ??= this.#open()
    return this.#writer
  }

  async #open(): Promise<RepositoryWriter> {
    const writer = this.#given ?? (await this.repository.write(this.#options))
    try {
      if (await this.#canRelyOnBase(writer)) return writer
    } catch (error) {
      if (writer !== this.#given) await writer.close()
      throw error
    }
    if (writer !== this.#given) await writer.close()
    throw new BaseForgotten()
  }

  /**
   * That the base is listed is enough only when nothing had been condemned as the writer began: otherwise it
   * may be forgotten next, and the packs that only it needs are waited for no longer.
   */
  async #canRelyOnBase(writer: RepositoryWriter): Promise<boolean> {
    const { base } = this.folder.state()
    if (base === undefined) return true
    if (!(await this.repository.snapshots.list(this.#options)).includes(base)) return false
    if (writer.condemned.size === 0) return true
    return holdsAll(writer, (await this.repository.snapshots.read(base, this.#options)).root, this.#options)
  }

  /** Publishes what was found, as a snapshot of this copy of the folder after `last`. */
  async publish(
    { scan, flagged }: Look,
    last: Last | undefined,
    message = '',
    tags: readonly string[] = [],
  ): Promise<Last> {
    const { settings, root: path } = this.folder
    const snapshot: Snapshot = {
      folder: settings.folder,
      device: settings.device,
      host: hostname(),
      path,
      time: Date.now(),
      parents: last === undefined ? [] : [last.id],
      clock: nextClock(
        last === undefined ? [] : [{ id: last.id, clock: last.snapshot.clock }],
        settings.device,
      ),
      root: scan.root,
      message,
      tags: [...new Set(tags)].toSorted(),
      unreadable: flagged.unreadable,
      unstable: flagged.unstable,
      program: `tidemark ${version}`,
      contents: settings.history === 'kept',
    }
    const writer = await this.write()
    return { id: await writer.publish(snapshot, this.#options), snapshot }
  }

  /**
   * Notes what was found, and that it is the tree of the snapshot `base`, if that can be noted: its disk may be
   * full. The snapshot is taken all the same, and the next one finds it.
   */
  note({ scan }: Look, base: Id): void {
    const state = this.folder.state()
    try {
      state.base = base
      state.losses = this.#losses
      state.linked = scan.linked
      state.see(base)
      state.commit()
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      state.rollback()
    }
  }

  /** Call when it has failed: nothing is read any more. */
  abort(): Promise<void> {
    return this.#ingest.abort()
  }

  async close(): Promise<void> {
    if (this.#given) return
    const writer = await this.#writer?.catch(() => undefined)
    await writer?.close()
  }
}

export function sameEntry(a: DirectoryEntry, b: DirectoryEntry): boolean {
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
