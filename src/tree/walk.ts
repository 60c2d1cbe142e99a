import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { displayName } from '../bytes/name.ts'
import { compareTrees } from './compare-trees.ts'
import { lookUp } from './directory.ts'
import { splitPath } from './path.ts'

/** An entry and where it stands, from the root of its tree. */
export interface PlacedEntry {
  readonly path: Name
  readonly entry: Entry
}

export interface WalkOptions extends CallOptions {
  /** Only what stands at this path, which comes first, and below it. Rejects `missing` when nothing does. */
  readonly under?: Name | undefined
  /** Called for each directory: false leaves out what is below it. */
  readonly enter?: ((place: PlacedEntry) => boolean) | undefined
}

/**
 * All entries below `root` in path order, a directory before what is below it; some hundred at a time, which
 * is much quicker to go through than {@link walkTree}. Memory is bounded as for `compareTrees`.
 */
export async function* walkBatches(
  store: Store,
  root: DirectoryEntry,
  options: WalkOptions = {},
): AsyncGenerator<readonly PlacedEntry[]> {
  const { under = '', enter, signal } = options
  const path = splitPath(under).join('/')
  const start = await lookUp(store, root, path, { signal })
  if (start === undefined) throw new TidemarkError('missing', `no ${displayName(path)} in this tree`)
  if (path !== '') {
    const place = { path, entry: start }
    yield [place]
    if (start.kind === 'directory' && enter?.(place) === false) return
  }
  const batches = compareTrees(store, undefined, start, {
    path,
    signal,
    enter: enter && (({ path, after }) => enter({ path, entry: after! })),
  })
  for await (const batch of batches) yield batch.map(({ path, after }) => ({ path, entry: after! }))
}

/** The same, one at a time. */
export async function* walkTree(
  store: Store,
  root: DirectoryEntry,
  options: WalkOptions = {},
): AsyncGenerator<PlacedEntry> {
  for await (const batch of walkBatches(store, root, options)) yield* batch
}
