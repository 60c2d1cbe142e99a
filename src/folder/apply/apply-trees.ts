import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Repository } from '../../store/repository/repository.ts'
import type { Store } from '../../store/store.ts'
import { compareTrees } from '../../tree/compare-trees.ts'
import { PlacedEntries } from '../scan/placed.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { applyChanges, type ApplyCounts } from './apply.ts'
import { GrowingFiles } from './growing-files.ts'
import { InlineFiles } from './inline-files.ts'
import { OpenDirectories } from './open-directories.ts'
import { Problems } from './problem.ts'

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

/**
 * Makes the directory `root`, which holds the tree `before` as far as is known, hold `after`. Everything is looked at
 * just before it is replaced or removed, and left alone when it is not as `before` says. Durable once resolved.
 * Killed at any moment it leaves every path with its whole old or its whole new content. Rejects what makes going on
 * useless (see `restore`), with a part done.
 */
export async function applyTrees(
  root: string,
  before: DirectoryEntry,
  after: DirectoryEntry,
  options: ApplyTreesOptions,
): Promise<AppliedTrees> {
  const { trees, contents, repository, onDone, signal } = options
  const directories = new OpenDirectories(openDirectory(root))
  const problems = new Problems()
  const placed = new PlacedEntries()
  const touched = new Set<Name>()
  const sink = { signal, placed: true }
  const files =
    repository === undefined
      ? new InlineFiles(directories, contents, sink)
      : new GrowingFiles(directories, repository, contents, sink)
  try {
    const counts = await applyChanges(rootAndBelow(trees, before, after, options), {
      directories,
      files,
      problems,
      placed,
      delete: true,
      onTouched: (directory) => touched.add(directory),
      onDone,
      signal,
    })
    return { done: problems.undone === 0, touched, placed, counts, problems }
  } finally {
    directories.close()
    directories.root.close()
  }
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
