import { closeSync, constants, realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Name } from '../bytes/name.ts'
import { fromSystem, systemCode, TidemarkError } from '../errors.ts'
import { applyChanges, nothingDone, type ApplyCounts } from '../folder/apply/apply.ts'
import { holdsContent } from '../folder/apply/content.ts'
import type { FileSink } from '../folder/apply/file-job.ts'
import { GrowingFiles } from '../folder/apply/growing-files.ts'
import { packPlaceOf, type ThreadSources } from '../folder/apply/thread-sources.ts'
import { InlineFiles } from '../folder/apply/inline-files.ts'
import { LiveDifferences } from '../folder/apply/live-differences.ts'
import { OpenDirectories } from '../folder/apply/open-directories.ts'
import { Problems, type Problem, type ProblemCode } from '../folder/apply/problem.ts'
import { equalMetadata, planSteps, type Step } from '../folder/apply/step.ts'
import { directoryOf, nameOf } from '../tree/path.ts'
import { LeftOut } from '../folder/scan/left-out.ts'
import { openDirectory } from '../folder/system/directory-handle.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import { makeDirectories } from '../store/durable.ts'
import { Repository } from '../store/repository/repository.ts'
import type { Store } from '../store/store.ts'
import type { Difference } from '../tree/compare-directories.ts'
import {
  differencesOf,
  presentLive,
  presentNothing,
  presentTree,
  selectPaths,
  type Present,
  type Selected,
  type StoredTree,
} from './restored-trees.ts'

export interface RestoreOptions extends CallOptions {
  /** Only these paths of the tree, and what is below them. Everything when there are none. */
  readonly paths?: readonly Name[] | undefined
  /**
   * What the target, a folder, holds, as a tree made of it just now: what its rules leave out is left alone then,
   * there or not, unless it is one of `paths`. Without it the target is looked at: what has the
   * size and time that are wanted is taken to be right, what has only the size is read and compared.
   */
  readonly current?: StoredTree | undefined
  /** With `current`: real paths below the target that are no part of the folder. */
  readonly excluded?: ReadonlySet<string> | undefined
  /**
   * The repository in whose packs most of the content is, where `store` is more than that: many files are read
   * straight from there, by several threads.
   */
  readonly repository?: Repository | undefined
  /**
   * Without `current`: read and compare what has the right size, whatever its time says, so that what is
   * damaged is found too.
   */
  readonly checksum?: boolean | undefined
  /** Delete what the tree lacks (below `paths`). Never otherwise. */
  readonly delete?: boolean | undefined
  /** With `current`: what could not be read for it may be replaced and deleted all the same. */
  readonly replaceUnread?: boolean | undefined
  /** Do nothing, only tell the steps. */
  readonly dryRun?: boolean | undefined
  /** Called for each step of the plan, before it is taken. */
  readonly onStep?: ((step: Step) => void) | undefined
  /** Called at most ten times a second. */
  readonly onProgress?: ((progress: RestoreProgress) => void) | undefined
}

export interface RestoreProgress {
  readonly phase: string
  /** Entries seen to and bytes written, so far and at most. */
  readonly files: number
  readonly bytes: number
  readonly totalFiles: number
  readonly totalBytes: number
}

export interface RestoreReport extends Omit<ApplyCounts, 'right'> {
  /** Entries that were as they should be. */
  readonly unchanged: number
  /** What could not be given back, the first thousand of them. */
  readonly problems: readonly Problem[]
  /** All of them. */
  readonly problemCount: number
  /** Which there are, among all of them. */
  readonly problemCodes: ReadonlySet<ProblemCode>
}

/**
 * Makes the directory `target` what the tree `root` says, or those of its paths that are asked for; makes it
 * when it is not there. Only what differs is written. What one entry is denied is in the report's `problems`.
 * The directory's own metadata are restored too, unless only some paths are.
 *
 * Killed at any moment it leaves every path with its whole old or its whole new content; the next run takes
 * up from there. Rejects `missing` for a path that is not in the tree, and what makes going on useless: `full`,
 * `denied` (a read-only disk), `unavailable` (the store), `cancelled`.
 */
export async function restore(
  store: Store,
  root: DirectoryEntry,
  target: string,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  const { signal } = options
  const selected = await selectPaths({ store, root }, options.paths ?? [''], { signal })
  const problems = new Problems()
  const tally = new Tally(selected, options)
  const directories = openTarget(target, options.dryRun !== true)
  try {
    const present = presentOf(store, directories, tally, options)
    const changes = differencesOf(present, selected)
    const passing = onTheWay(selected)
    const onStep = (step: Step): void => {
      tally.note(step)
      options.onStep?.(step)
    }
    const { right, ...counts } =
      options.dryRun === true || directories === undefined
        ? await rehearse(store, directories, changes, { ...options, passing, onStep }, problems)
        : await applyChanges(changes, {
            signal,
            delete: options.delete,
            checksum: options.checksum,
            replaceUnread: options.replaceUnread,
            leavesSome: options.current !== undefined,
            directories,
            files: filesOf(store, directories, options),
            problems,
            passing,
            onStep,
            onDone: (bytes) => tally.progress(bytes),
          })
    const { list, count, codes } = problems
    const told = { problems: list, problemCount: count, problemCodes: codes }
    return { ...counts, unchanged: tally.unchanged + right, ...told }
  } finally {
    directories?.close()
    directories?.root.close()
  }
}

function filesOf(
  store: Store,
  directories: OpenDirectories,
  { signal, repository }: RestoreOptions,
): FileSink {
  const from = repository ?? (store instanceof Repository ? store : undefined)
  if (from) return new GrowingFiles(directories, store, { signal, sources: () => packsOf(from) })
  return new InlineFiles(directories, store, { signal })
}

async function packsOf(repository: Repository): Promise<ThreadSources | undefined> {
  const packs = await packPlaceOf(repository)
  return packs && { packs }
}

/** The target, opened; made when it lacks and `make` is true, else undefined then. */
function openTarget(target: string, make: boolean): OpenDirectories | undefined {
  try {
    if (make) makeDirectories(resolve(target), 0o777)
    const real = realpathSync(target)
    if (!statSync(real).isDirectory()) throw new TidemarkError('exists', `${target}: not a directory`)
    return new OpenDirectories(openDirectory(real))
  } catch (error) {
    if (!make && systemCode(error) === 'ENOENT') return undefined
    throw fromSystem(error, `restore to ${target}`)
  }
}

function presentOf(
  store: Store,
  directories: OpenDirectories | undefined,
  tally: Tally,
  options: RestoreOptions,
): Present {
  const { signal, current, excluded, delete: extra = false } = options
  if (directories === undefined) return presentNothing(store, { signal })
  const live = presentLive(new LiveDifferences(store, directories, { signal, extra }))
  if (current === undefined) return live
  const left = new LeftOut(directories, { excluded })
  return presentTree(store, current, {
    signal,
    extra,
    live,
    leftOut: (path, { kind }) => left.has(path, kind === 'directory'),
    onLeftOut: (wanted) => tally.leaveOut(wanted),
  })
}

function onTheWay(selected: readonly Selected[]): (path: Name) => boolean {
  const paths = new Set(selected.flatMap(({ above }) => above.map(({ path }) => path)))
  return (path) => paths.has(path)
}

interface RehearsalOptions extends RestoreOptions {
  readonly passing: (path: Name) => boolean
}

/** Tells what would be done. */
async function rehearse(
  store: Store,
  directories: OpenDirectories | undefined,
  changes: AsyncIterable<readonly Difference[]>,
  options: RehearsalOptions,
  problems: Problems,
): Promise<ApplyCounts> {
  const counts = nothingDone()
  for await (const planned of planSteps(changes, options)) {
    const { path, action, after, problem } = planned
    if (action === 'metadata' && options.passing(path)) continue
    const isRight = action === 'check' && directories && (await isThere(store, directories, planned))
    if (isRight === true && equalMetadata(planned.before!, after!)) continue
    const step: Step =
      action === 'check' ? { ...planned, action: isRight === true ? 'metadata' : 'write' } : planned
    options.onStep?.(step)
    if (problem) problems.add(path, problem.code, problem.message)
    else if (step.action === 'delete') counts.deleted++
    else if (step.action === 'link') counts.links++
    else if (step.action === 'metadata') counts.metadata++
    else if (after?.kind === 'directory') counts.directories++
    else if (after?.kind === 'file') {
      counts.files++
      counts.bytes += after.size
    } else counts.specials++
  }
  return counts
}

async function isThere(store: Store, directories: OpenDirectories, { path, after }: Step): Promise<boolean> {
  if (after?.kind !== 'file') return false
  let fd
  try {
    fd = directories.get(directoryOf(path)).open(nameOf(path), constants.O_RDONLY)
  } catch {
    return false
  }
  try {
    return await holdsContent(fd, store, after)
  } finally {
    closeSync(fd)
  }
}

const progressEvery = 100

/** Counts what is to be done and what has been. */
class Tally {
  readonly #options: RestoreOptions
  readonly #total = { files: 0, bytes: 0 }
  readonly #passing: (path: Name) => boolean
  #changed = 0
  #files = 0
  #bytes = 0
  #toldAt = 0

  constructor(selected: readonly Selected[], options: RestoreOptions) {
    this.#options = options
    this.#passing = onTheWay(selected)
    for (const { path, entry } of selected) {
      this.#total.files += (path === '' ? 0 : 1) + (entry.kind === 'directory' ? entry.count : 0)
      this.#total.bytes += entry.kind === 'directory' || entry.kind === 'file' ? entry.size : 0
    }
  }

  /** It is no part of this, with all below it. */
  leaveOut(entry: Entry): void {
    this.#total.files -= 1 + (entry.kind === 'directory' ? entry.count : 0)
    this.#total.bytes -= entry.kind === 'directory' || entry.kind === 'file' ? entry.size : 0
  }

  get unchanged(): number {
    return this.#total.files - this.#changed
  }

  note({ path, after }: Step): void {
    if (after !== undefined && path !== '' && !this.#passing(path)) this.#changed++
  }

  progress(bytes: number): void {
    this.#files++
    this.#bytes += bytes
    const { onProgress } = this.#options
    if (onProgress === undefined || Date.now() - this.#toldAt < progressEvery) return
    this.#toldAt = Date.now()
    const { files, bytes: totalBytes } = this.#total
    onProgress({
      phase: 'restoring',
      files: this.#files,
      bytes: this.#bytes,
      totalFiles: files,
      totalBytes,
    })
  }
}
