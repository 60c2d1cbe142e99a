import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { Id } from '../../object/id.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Repository } from '../../store/repository/repository.ts'
import type { Store } from '../../store/store.ts'
import { compareTrees } from '../../tree/compare-trees.ts'
import { PlacedEntries } from '../scan/placed.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { lookUp } from '../../tree/directory.ts'
import { applyChanges, nothingDone, type ApplyCounts } from './apply.ts'
import type { FileSink } from './file-job.ts'
import { GrowingFiles } from './growing-files.ts'
import { InlineFiles } from './inline-files.ts'
import { OpenDirectories } from './open-directories.ts'
import { ofPass, passes, type Pass } from './passes.ts'
import { Problems, type ProblemCode } from './problem.ts'

export interface ApplyTreesOptions extends CallOptions {
  /** Has all of both trees. */
  readonly trees: Store
  /** Has the contents of `after` that `before` lacks. */
  readonly contents: Store
  /** In whose packs these contents are, if they are: many files are read from there by several threads. */
  readonly repository?: Repository | undefined
  /** Called for each entry that has been seen to, with the bytes written for it. */
  readonly onDone?: ((bytes: number) => void) | undefined
}

/** What became of the working files. */
export interface Applied {
  /** Everything is as it is wanted, but for metadata that the system would not take. */
  readonly done: boolean
  /** Directories in which something may have changed (paths from the root). */
  readonly touched: ReadonlySet<Name>
  /** What was put in its place. */
  readonly placed: PlacedEntries
}

export interface AppliedTrees extends Applied {
  readonly counts: ApplyCounts
  readonly problems: Problems
}

/** After more failures than this nothing is replaced or deleted any more. */
const mostFailures = 10_000

/**
 * Makes the directory `root`, which holds the tree `before` as far as is known, hold `after`. Everything is looked at
 * just before it is replaced or removed, and left alone when it is not as `before` says. Durable once resolved.
 * Killed at any moment it leaves every path with its whole old or its whole new content, and every content that
 * both trees have in a path of either (see `passes`). Rejects what makes going on useless (see `restore`), with a
 * part done.
 */
export async function applyTrees(
  root: string,
  before: DirectoryEntry,
  after: DirectoryEntry,
  options: ApplyTreesOptions,
): Promise<AppliedTrees> {
  const { trees, onDone, signal } = options
  const directories = new OpenDirectories(openDirectory(root))
  const problems = new FailedPaths()
  const placed = new PlacedEntries()
  const touched = new Set<Name>()
  const counts = nothingDone()
  const left = new Set<Pass>(['new'])
  const keep = (path: Name): void =>
    problems.add(path, 'conflict', 'kept as it is: what it holds could not be put where it is to go')
  try {
    for (const pass of passes) {
      if (!left.has(pass) || problems.failed.length >= mostFailures) continue
      const kept = await contentsOf(problems.failed, trees, after, options)
      const changes = rootAndBelow(trees, before, after, options)
      const added = await applyChanges(
        ofPass(pass, changes, kept, { keep, later: (other) => left.add(other) }),
        {
          directories,
          files: filesOf(directories, options),
          problems,
          placed,
          delete: true,
          onTouched: (directory) => touched.add(directory),
          onDone,
          signal,
        },
      )
      for (const key of Object.keys(counts) as (keyof ApplyCounts)[]) counts[key] += added[key]
    }
    return { done: problems.undone === 0, touched, placed, counts, problems }
  } finally {
    directories.close()
    directories.root.close()
  }
}

function filesOf(
  directories: OpenDirectories,
  { contents, repository, signal }: ApplyTreesOptions,
): FileSink {
  const sink = { signal, placed: true }
  return repository === undefined
    ? new InlineFiles(directories, contents, sink)
    : new GrowingFiles(directories, repository, contents, sink)
}

async function* rootAndBelow(
  trees: Store,
  before: DirectoryEntry,
  after: DirectoryEntry,
  { signal }: CallOptions,
): ReturnType<typeof compareTrees> {
  yield [{ path: '', before, after }]
  yield* compareTrees(trees, before, after, { signal })
}

/** What the files at these paths were to hold. */
async function contentsOf(
  paths: readonly Name[],
  trees: Store,
  wanted: DirectoryEntry,
  { signal }: CallOptions,
): Promise<Set<Id>> {
  const contents = new Set<Id>()
  for (const path of paths) {
    const entry = await lookUp(trees, wanted, path, { signal })
    if (entry?.kind === 'file' && entry.content !== undefined) contents.add(entry.content.id)
  }
  return contents
}

/** Notes also which paths are not as they are wanted. */
class FailedPaths extends Problems {
  readonly failed: Name[] = []

  override add(path: Name, code: ProblemCode, message: string): void {
    const before = this.undone
    super.add(path, code, message)
    if (this.undone > before && this.failed.length < mostFailures) this.failed.push(path)
  }
}
