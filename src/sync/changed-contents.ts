import type { Name } from '../bytes/name.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import type { Difference } from '../tree/compare-directories.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { movesBetween } from '../tree/moves.ts'

/**
 * The differences of two trees in which something may be wanted that `before` has not: what only stands elsewhere now,
 * with all below it, is left out, for that is renamed.
 */
export async function* changedContents(
  store: Store,
  before: DirectoryEntry,
  after: DirectoryEntry,
  { signal }: CallOptions = {},
): AsyncGenerator<readonly Difference[]> {
  const moved = await movedTo(store, before, after, { signal })
  const enter = ({ path, after }: Difference): boolean => after?.kind === 'directory' && !moved.has(path)
  for await (const batch of compareTrees(store, before, after, { signal, enter }))
    yield batch.filter(({ path }) => !moved.has(path))
}

async function movedTo(
  store: Store,
  before: DirectoryEntry,
  after: DirectoryEntry,
  options: CallOptions,
): Promise<ReadonlySet<Name>> {
  // Out of nothing nothing moves.
  if (before.content === undefined) return new Set()
  const found = await movesBetween(store, before, after, options)
  return new Set(found?.moves.map(({ to }) => to))
}
