import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, systemCode, TidemarkError } from '../../errors.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { Id } from '../../object/id.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Repository } from '../../store/repository/repository.ts'
import type { Store } from '../../store/store.ts'
import type { Difference } from '../../tree/compare-directories.ts'
import { compareTrees } from '../../tree/compare-trees.ts'
import { lookUp } from '../../tree/directory.ts'
import { movesBetween, type Move } from '../../tree/moves.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import { LeftEntries } from '../scan/carry.ts'
import { LeftOut, type LeftOutOptions } from '../scan/left-out.ts'
import { PlacedEntries } from '../scan/placed.ts'
import { openDirectory } from '../system/directory-handle.ts'
import type { ArrivingBlocks } from './arriving-blocks.ts'
import { addCounts, applyChanges, nothingDone, type ApplyCounts } from './apply.ts'
import type { FileSink } from './file-job.ts'
import { GrowingFiles } from './growing-files.ts'
import { Moves } from './moves.ts'
import { OpenDirectories } from './open-directories.ts'
import { ofPass, passes, passOf, type Pass } from './passes.ts'
import { isBearable, Problems, type ProblemCode } from './problem.ts'
import { packPlaceOf, type Neighbour, type ThreadSources } from './thread-sources.ts'
import { unreadHere } from './step.ts'

export interface ApplyTreesOptions extends CallOptions {
  /** Has all of both trees. */
  readonly trees: Store
  /** Has the contents of `after` that `before` lacks. */
  readonly contents: Store
  /** In whose packs these contents are, if they are: many files are read from there by several threads. */
  readonly repository?: Repository | undefined
  /** Another working copy that has them, if one does: they read there as well. */
  readonly neighbour?: Neighbour | undefined
  /** Contents that are on their way to `contents`, in blocks. */
  readonly arriving?: ArrivingBlocks | undefined
  /** For a folder: what its rules leave out, and this, is left alone. */
  readonly leftOut?: LeftOutOptions | undefined
  /** Paths of `before` that are not on the disk, as nobody has deleted them: what `after` has there is left out, too. */
  readonly absent?: ReadonlySet<Name> | undefined
  /** Called for each entry that has been seen to, with the bytes written for it. */
  readonly onDone?: ((bytes: number) => void) | undefined
}

/** What became of the working files. */
export interface Applied {
  /**
   * Everything is as it is wanted, but for metadata that the system would not take, what nobody could read, and what is
   * `refused`.
   */
  readonly done: boolean
  /** What was to be made, and the system would not make or nobody had: it is left out. */
  readonly refused: readonly Name[]
  /** Directories in which something may have changed (paths from the root). */
  readonly touched: ReadonlySet<Name>
  /** What was put in its place. */
  readonly placed: PlacedEntries
  /** What was left out of it. */
  readonly left: LeftEntries
  /** What was renamed. */
  readonly moved: readonly Move[]
}

export interface AppliedTrees extends Applied {
  readonly counts: ApplyCounts
  readonly problems: Problems
}

/** After more failures than this nothing is replaced or deleted any more. */
const mostFailures = 10_000

/**
 * Makes the directory `root`, which holds the tree `before` as far as is known, hold `after`. What only stands
 * elsewhere is renamed; then what is new is made, then the rest replaced, then what is too much deleted. Everything is
 * looked at just before it is touched, and left alone when it is not as `before` says; a content that could not be put
 * where it is to go stays where it is. Durable once resolved.
 *
 * Killed at any moment it leaves every path with its whole old or its whole new content, and every content at an old
 * or a new path. Rejects what makes going on useless (see `restore`), with a part done.
 */
export async function applyTrees(
  root: string,
  before: DirectoryEntry,
  after: DirectoryEntry,
  options: ApplyTreesOptions,
): Promise<AppliedTrees> {
  const directories = new OpenDirectories(openDirectory(root))
  try {
    return await new TreeApplication(directories, before, after, options).run()
  } finally {
    directories.close()
    directories.root.close()
  }
}

class TreeApplication {
  readonly #directories: OpenDirectories
  readonly #before: DirectoryEntry
  readonly #after: DirectoryEntry
  readonly #options: ApplyTreesOptions
  readonly #problems = new NotedProblems()
  readonly #counts = nothingDone()
  readonly #placed = new PlacedEntries()
  readonly #touched = new Set<Name>()
  readonly #moves: Moves
  readonly #leftOut: LeftOut | undefined
  readonly #left = new LeftEntries()

  constructor(
    directories: OpenDirectories,
    before: DirectoryEntry,
    after: DirectoryEntry,
    options: ApplyTreesOptions,
  ) {
    this.#directories = directories
    this.#before = before
    this.#after = after
    this.#options = options
    this.#moves = new Moves(directories, this.#placed)
    this.#leftOut = options.leftOut && new LeftOut(directories, options.leftOut)
  }

  async run(): Promise<AppliedTrees> {
    const due = new Set<Pass>()
    await this.#move(due)
    let isFirst = true
    for (const pass of passes) {
      if (!due.has(pass) && (pass !== 'deleted' || !isFirst)) continue
      if (this.#problems.failed.size >= mostFailures) break
      await this.#pass(pass, due, isFirst)
      isFirst = false
    }
    const refused = await this.#leaveRefused()
    return {
      done: refused !== undefined,
      refused: refused ?? [],
      touched: this.#touched,
      placed: this.#placed,
      left: this.#left,
      moved: this.#moves.done,
      counts: this.#counts,
      problems: this.#problems,
    }
  }

  async #move(due: Set<Pass>): Promise<void> {
    const { trees, signal } = this.#options
    const other = (difference: Difference): void => {
      const isOfDirectories =
        difference.before?.kind === 'directory' && difference.after?.kind === 'directory'
      if (!isOfDirectories) due.add(passOf(difference))
    }
    const found = await movesBetween(trees, this.#before, this.#after, { signal, other })
    if (found === undefined || found.added) due.add('new')
    if (found === undefined || found.removed) due.add('deleted')
    if (found === undefined) due.add('replaced')
    else this.#moves.carryOut(found.moves.filter((move) => !this.#isLeftOut(move)))
    for (const directory of this.#moves.stirred) this.#touched.add(directory)
  }

  async #pass(pass: Pass, due: Set<Pass>, isFirst: boolean): Promise<void> {
    const { signal, onDone } = this.#options
    const changes = ofPass(pass, this.#changes(), {
      kept: await this.#contentsToKeep(),
      isFirst,
      onKept: (path) =>
        this.#problems.add(path, 'conflict', 'kept: what it holds could not be put where it is to go'),
      onOther: (pass) => due.add(pass),
    })
    const counts = await applyChanges(changes, {
      directories: this.#directories,
      files: this.#files(),
      problems: this.#problems,
      placed: this.#placed,
      stirred: isFirst ? this.#moves.stirred : undefined,
      delete: true,
      leavesSome: this.#leftOut !== undefined,
      onLeft: (path) => this.#leave(path, undefined),
      onTouched: (directory) => this.#touched.add(directory),
      onDone,
      signal,
    })
    addCounts(this.#counts, counts)
  }

  #files(): FileSink {
    const { contents, repository, neighbour, arriving, signal } = this.#options
    const sources = async (): Promise<ThreadSources | undefined> => {
      const packs = repository && (await packPlaceOf(repository))
      const isOfUse = packs !== undefined || neighbour !== undefined || arriving !== undefined
      return isOfUse ? { packs, neighbour } : undefined
    }
    return new GrowingFiles(this.#directories, contents, { signal, placed: true, sources, arriving })
  }

  async *#changes(): AsyncGenerator<readonly Difference[]> {
    const { trees, signal } = this.#options
    yield [{ path: '', before: this.#before, after: this.#after }]
    const enter = (difference: Difference): boolean =>
      !this.#moves.has(difference.path) && this.#held(difference) !== undefined
    for await (const batch of compareTrees(trees, this.#before, this.#after, { signal, enter })) {
      const adjusted: Difference[] = []
      for (const difference of batch) {
        const held = this.#held(difference)
        const left = held && this.#moves.adjust(held)
        if (left) adjusted.push(left)
      }
      yield adjusted
    }
  }

  /** What of a difference concerns the working files; undefined when nothing does. */
  #held(difference: Difference): Difference | undefined {
    const { path, before, after } = difference
    if (before?.unreadable === true && this.#isHere(path)) {
      // Nobody knows what is in it: nothing takes its place, nor takes it away.
      if (!this.#problems.failed.has(path)) this.#problems.add(path, 'failed', unreadHere)
      return undefined
    }
    const isAbsent = before !== undefined && this.#options.absent?.has(path) === true
    if (isAbsent || (after?.unreadable === true && before === undefined)) {
      this.#leave(path, after)
      return undefined
    }
    const leftOut = this.#leftOut
    if (leftOut === undefined) return difference
    const wasOut = before !== undefined && leftOut.has(path, before.kind === 'directory')
    const isOut = after !== undefined && leftOut.has(path, after.kind === 'directory')
    if (!wasOut && !isOut) return difference
    if (isOut || after === undefined) this.#leave(path, after)
    const rest = { path, before: wasOut ? undefined : before, after: isOut ? undefined : after }
    return rest.before === undefined && rest.after === undefined ? undefined : rest
  }

  #leave(path: Name, entry: Entry | undefined): void {
    this.#left.set(directoryOf(path), nameOf(path), entry)
    this.#touched.add(directoryOf(path))
  }

  #isLeftOut({ from, to, before: { kind, unreadable } }: Move): boolean {
    const isDirectory = kind === 'directory'
    if (unreadable) return true
    return [from, to].some((path) => this.#isAbsent(path) || this.#leftOut?.has(path, isDirectory) === true)
  }

  /** Whether `path` is one of those that are absent, or below one. */
  #isAbsent(path: Name): boolean {
    const { absent } = this.#options
    if (absent === undefined || absent.size === 0) return false
    for (let at = path; at !== ''; at = directoryOf(at)) if (absent.has(at)) return true
    return false
  }

  /**
   * Leaves out what could not be made, when nothing else has failed: then it is that alone which is not here. Undefined
   * when something else has. What was to replace something is no such thing: what stands there would be neither.
   */
  async #leaveRefused(): Promise<readonly Name[] | undefined> {
    const { failed } = this.#problems
    if (failed.size >= mostFailures || [...failed.values()].includes('other')) return undefined
    const { trees } = this.#options
    const refused: [Name, Entry][] = []
    for (const path of failed.keys()) {
      const was = await lookUp(trees, this.#before, path, this.#options)
      const entry = await lookUp(trees, this.#after, path, this.#options)
      if (was !== undefined || entry === undefined || !this.#isFree(path)) return undefined
      refused.push([path, entry])
    }
    for (const [path, entry] of refused) this.#leave(path, entry)
    return refused.map(([path]) => path)
  }

  #isHere(path: Name): boolean {
    return this.#options.absent?.has(path) !== true && !this.#isFree(path)
  }

  /** Its directory is there, and does not have it. */
  #isFree(path: Name): boolean {
    try {
      return this.#directories.get(directoryOf(path)).stat(nameOf(path)) === undefined
    } catch (error) {
      // Of a name that is too long the system does not say either that nothing has it.
      if (error instanceof TidemarkError && systemCode(error.cause) === 'ENAMETOOLONG') return true
      if (isTidemarkError(error)) return false
      throw error
    }
  }

  /**
   * The contents that were to go where they could not: nothing takes them away from where they are. One that is in the
   * repository needs no place where the system will not have it.
   */
  async #contentsToKeep(): Promise<Set<Id>> {
    const kept = new Set<Id>()
    for (const [path, why] of this.#problems.failed) {
      if (why === 'failed' && this.#options.repository !== undefined) continue
      const wanted = await lookUp(this.#options.trees, this.#after, path, this.#options)
      if (wanted?.kind === 'file' && wanted.content !== undefined) kept.add(wanted.content.id)
    }
    return kept
  }
}

/** Notes also which paths are not as they should be, and whether the system refused them, nobody had them, or neither. */
class NotedProblems extends Problems {
  readonly failed = new Map<Name, 'failed' | 'missing' | 'other'>()

  override add(path: Name, code: ProblemCode, message: string): void {
    super.add(path, code, message)
    if (isBearable(code) || this.failed.size >= mostFailures) return
    const why = code === 'failed' ? code : code === 'missing' || code === 'corrupt' ? 'missing' : 'other'
    const known = this.failed.get(path) ?? why
    this.failed.set(path, known === why ? why : 'other')
  }
}
