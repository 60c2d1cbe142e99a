import type { Name } from '../bytes/name.ts'
import type { Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { DirectoryComparison, type Difference } from './compare-directories.ts'
import { nextName } from './directory.ts'
import { equalContent } from './equal-entries.ts'
import { checkDepth } from './path.ts'

export interface CompareTreesOptions extends CallOptions {
  /** The path of the two directories, for the paths of the differences. The root's by default. */
  readonly path?: Name | undefined
  /** Called for each difference that has a directory on either side: false leaves out what is below it. */
  readonly enter?: ((difference: Difference) => boolean) | undefined
}

/** Differences are handed out about this many at a time. */
const batchSize = 512

/** Comparisons that are kept open; those of directories further up are closed, and opened again later. */
const openLevels = 16

interface Level {
  readonly at: Difference
  comparison: DirectoryComparison | undefined
  batch: readonly Difference[]
  index: number
  /** The name that was looked at last. */
  last: Name | undefined
}

/**
 * All paths below two directories at which they differ, in path order (see `comparePaths`), a batch at a
 * time. Equal sub-trees and equal pieces of directories are skipped unread. A directory is reported, before
 * what is below it, also when only that differs. A side that is left out has no entries; a directory on one
 * side only is gone through as a whole.
 *
 * Memory is bounded whatever the trees say: some leaves and nodes, not more with depth.
 */
export async function* compareTrees(
  store: Store,
  before: Entry | undefined,
  after: Entry | undefined,
  options: CompareTreesOptions = {},
): AsyncGenerator<readonly Difference[]> {
  const { path = '', enter, signal } = options
  const levels: Level[] = []
  const open = (at: Difference, from?: Name): DirectoryComparison =>
    new DirectoryComparison(store, at.before, at.after, { path: at.path, from, signal })
  const descend = (at: Difference): void => {
    checkDepth(at.path, levels.length)
    levels.push({ at, comparison: undefined, batch: [], index: 0, last: undefined })
    const above = levels.at(-1 - openLevels)
    if (above) close(above)
  }

  let found: Difference[] = []
  descend({ path, before, after })
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (level.index === level.batch.length) {
      level.comparison ??= open(level.at, level.last === undefined ? undefined : nextName(level.last))
      level.batch = (await level.comparison.next()) ?? []
      level.index = 0
      if (level.batch.length === 0) levels.pop()
      continue
    }
    while (level.index < level.batch.length) {
      const difference = level.batch[level.index++]!
      found.push(difference)
      if (hasBelow(difference) && (enter?.(difference) ?? true)) {
        level.last = (difference.before ?? difference.after)!.name
        descend(difference)
        break
      }
    }
    if (found.length >= batchSize) {
      yield found
      found = []
    }
  }
  if (found.length > 0) yield found
}

function close(level: Level): void {
  level.comparison = undefined
  level.batch = []
  level.index = 0
}

function hasBelow({ before, after }: Difference): boolean {
  const old = before?.kind === 'directory' ? before.content : undefined
  const now = after?.kind === 'directory' ? after.content : undefined
  return !equalContent(old, now)
}
