import type { Name } from '../bytes/name.ts'
import { applyChanges, nothingDone, type ApplyCounts } from '../folder/apply/apply.ts'
import { GrowingFiles } from '../folder/apply/growing-files.ts'
import { OpenDirectories } from '../folder/apply/open-directories.ts'
import { Problems, type ProblemCode } from '../folder/apply/problem.ts'
import type { Step } from '../folder/apply/step.ts'
import { openDirectory } from '../folder/system/directory-handle.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Repository } from '../store/repository/repository.ts'
import type { Store } from '../store/store.ts'
import type { Difference } from '../tree/compare-directories.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { lookUp } from '../tree/directory.ts'
import { directoryOf } from '../tree/path.ts'
import { ofPass, passes, type Pass } from './passes.ts'

export interface ApplyTreeOptions extends CallOptions {
  readonly repository: Repository
  readonly onDone?: ((bytes: number) => void) | undefined
}

export interface AppliedTree {
  readonly counts: ApplyCounts
  readonly problems: Problems
  /** Everything is as the tree says, as far as this file system can have it. */
  readonly done: boolean
  /** Directories in which something was touched. */
  readonly touched: ReadonlySet<Name>
}

/** After more failures than this nothing is replaced or deleted any more. */
const mostFailures = 10_000

/**
 * Makes the working files at `root`, which are as the tree `from` says, what `to` says; in passes (see `passes`),
 * and never what somebody changed meanwhile. `store` has both trees and all contents there are.
 */
export async function applyTree(
  root: string,
  store: Store,
  from: DirectoryEntry,
  to: DirectoryEntry,
  options: ApplyTreeOptions,
): Promise<AppliedTree> {
  const application = new TreeApplication(root, store, from, to, options)
  try {
    return await application.run()
  } finally {
    application.close()
  }
}

class TreeApplication {
  readonly #store: Store
  readonly #from: DirectoryEntry
  readonly #to: DirectoryEntry
  readonly #options: ApplyTreeOptions
  readonly #directories: OpenDirectories
  readonly #problems = new NotedProblems()
  readonly #counts = nothingDone()
  readonly #touched = new Set<Name>()

  constructor(
    root: string,
    store: Store,
    from: DirectoryEntry,
    to: DirectoryEntry,
    options: ApplyTreeOptions,
  ) {
    this.#store = store
    this.#from = from
    this.#to = to
    this.#options = options
    this.#directories = new OpenDirectories(openDirectory(root))
  }

  async run(): Promise<AppliedTree> {
    for (const pass of passes) {
      if (this.#problems.failed.length >= mostFailures) break
      const counts = await this.#pass(pass, await this.#contentsToKeep())
      for (const key of Object.keys(counts) as (keyof ApplyCounts)[]) this.#counts[key] += counts[key]
    }
    const done = this.#problems.failed.length === 0
    return { counts: this.#counts, problems: this.#problems, done, touched: this.#touched }
  }

  async #pass(pass: Pass, kept: ReadonlySet<Id>): Promise<ApplyCounts> {
    const { signal, repository, onDone } = this.#options
    const keep = (path: Name): void =>
      this.#problems.add(path, 'conflict', 'kept: what it holds could not be put where it is to go')
    return applyChanges(ofPass(pass, this.#changes(), kept, keep), {
      signal,
      delete: true,
      leavesSome: true,
      directories: this.#directories,
      files: new GrowingFiles(this.#directories, repository, this.#store, { signal }),
      problems: this.#problems,
      onStep: (step) => this.#note(step),
      onDone,
    })
  }

  async *#changes(): AsyncGenerator<readonly Difference[]> {
    yield [{ path: '', before: this.#from, after: this.#to }]
    yield* compareTrees(this.#store, this.#from, this.#to, { signal: this.#options.signal })
  }

  #note({ path, action, after }: Step): void {
    if (action === 'refuse') return
    this.#touched.add(directoryOf(path))
    if (after?.kind === 'directory') this.#touched.add(path)
  }

  /** The contents that were to go where they could not: nothing takes them away from where they are. */
  async #contentsToKeep(): Promise<Set<Id>> {
    const kept = new Set<Id>()
    for (const path of this.#problems.failed) {
      const wanted = await lookUp(this.#store, this.#to, path, this.#options)
      if (wanted?.kind === 'file' && wanted.content !== undefined) kept.add(wanted.content.id)
    }
    return kept
  }

  close(): void {
    this.#directories.close()
    this.#directories.root.close()
  }
}

const harmless: ReadonlySet<ProblemCode> = new Set(['lost-metadata', 'unstable'])

/** Notes also which paths are not as they should be. */
class NotedProblems extends Problems {
  readonly failed: Name[] = []

  override add(path: Name, code: ProblemCode, message: string): void {
    super.add(path, code, message)
    if (!harmless.has(code) && this.failed.length < mostFailures) this.failed.push(path)
  }
}
