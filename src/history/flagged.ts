import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { compareTrees } from '../tree/compare-trees.ts'

/** How many entries of a tree are marked as not whole. */
export interface Flagged {
  readonly unreadable: number
  readonly unstable: number
}

/** The counts of the tree `after`, given those of `before`: only what differs is looked at. */
export async function countFlagged(
  store: Store,
  before: DirectoryEntry,
  after: DirectoryEntry,
  counts: Flagged,
  options?: CallOptions,
): Promise<Flagged> {
  let { unreadable, unstable } = counts
  const add = (entry: Entry | undefined, sign: 1 | -1): void => {
    if (entry?.unreadable === true) unreadable += sign
    if (entry?.kind === 'file' && entry.unstable) unstable += sign
  }
  for await (const differences of compareTrees(store, before, after, options)) {
    for (const { before, after } of differences) {
      add(before, -1)
      add(after, 1)
    }
  }
  return { unreadable, unstable }
}
