import { TidemarkError } from '../errors.ts'
import { compareClocks } from '../object/clock.ts'
import { placed } from './base.ts'
import type { Head } from './head.ts'

/**
 * What one replica has to do to take in what another has: nothing (`none`), go on to it (`forward`), or merge.
 * `strangers` have nothing in common that could be relied on.
 */
export type Relation = 'none' | 'forward' | 'merge' | 'strangers'

/** How `theirs` stands to `mine`. Rejects `conflict` when they are of different folders. */
export function relate(mine: Head, theirs: Head): Relation {
  if (mine.snapshot.folder !== theirs.snapshot.folder)
    throw new TidemarkError('conflict', 'these are two different folders: they have not been introduced')
  if (mine.id === theirs.id) return 'none'
  if (isBlank(mine) !== isBlank(theirs)) return isBlank(mine) ? 'forward' : 'none'
  switch (compareClocks(placed(mine), placed(theirs))) {
    case 'before':
      return 'forward'
    case 'after':
      return 'none'
    case 'equal':
      // Both know the same: one is taken by all.
      return theirs.id < mine.id ? 'forward' : 'none'
    case 'concurrent':
      return 'merge'
    case 'forked':
      return 'strangers'
  }
}

/**
 * A replica that has never had anything: there is nothing to merge. (Two such are merged: if one went on to the
 * snapshot of the other, its own next one would have the number of the one that it gave up.)
 */
function isBlank({ snapshot }: Head): boolean {
  return snapshot.parents.length === 0 && snapshot.root.count === 0
}
