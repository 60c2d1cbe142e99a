import type { Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { toChange, type Change } from '../tree/change.ts'
import { diffWithMoves } from '../tree/moves.ts'

export interface DiffOptions extends CallOptions {
  /** Reports a file, or a whole directory, that stands elsewhere with equal content as one that moved. */
  readonly detectMoves?: boolean | undefined
  /** The path of the two directories, for the paths of the changes. The root's by default. */
  readonly path?: string | undefined
}

/**
 * What leads from one tree to the other, in path order (see `comparePaths`); a side that is left out has no
 * entries. Of a directory that is on one side only each entry is reported; of one that is on both sides what
 * changed in itself, if anything, before what changed below it. Equal sub-trees and equal pieces of
 * directories are skipped unread.
 *
 * With `detectMoves` a directory that moved is reported once, and nothing of what is below it. It holds all
 * changes in memory; when there are too many of them for that, they come as without it.
 */
export async function* diffTrees(
  store: Store,
  before: Entry | undefined,
  after: Entry | undefined,
  options: DiffOptions = {},
): AsyncGenerator<Change> {
  for await (const batch of diffBatches(store, before, after, options)) yield* batch
}

/** The same, some changes at a time, which is quicker to go through. */
export async function* diffBatches(
  store: Store,
  before: Entry | undefined,
  after: Entry | undefined,
  options: DiffOptions = {},
): AsyncGenerator<readonly Change[]> {
  const { detectMoves = false, ...rest } = options
  const changes = detectMoves ? await diffWithMoves(store, before, after, rest) : undefined
  if (changes !== undefined) {
    if (changes.length > 0) yield changes
    return
  }
  for await (const batch of compareTrees(store, before, after, rest)) {
    const changes = batch.map(toChange).filter((change) => change !== undefined)
    if (changes.length > 0) yield changes
  }
}
