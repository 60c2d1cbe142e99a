import type { Name } from '../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { DirectoryCursor } from './directory-cursor.ts'
import { checkDepth, splitPath } from './path.ts'

export interface ListOptions extends CallOptions {
  /** Begin behind this name. */
  readonly after?: Name | undefined
}

/** Leaves that are asked for ahead when a directory is listed to its end. */
export const leavesAhead = 4

/**
 * The entries of a directory in the order of their names, a leaf at a time: much quicker to go through than
 * {@link listDirectory}. Rejects `corrupt` for what is no directory, and what the store rejects.
 */
export async function* listBatches(
  store: Store,
  directory: DirectoryEntry,
  options: ListOptions = {},
): AsyncGenerator<readonly Entry[]> {
  const from = options.after === undefined ? undefined : nextName(options.after)
  const cursor = new DirectoryCursor(store, directory.content, {
    signal: options.signal,
    from,
    ahead: leavesAhead,
  })
  while (cursor.piece !== undefined) {
    await cursor.read()
    const { entries, index } = cursor
    if (index < entries.length) yield index === 0 ? entries : entries.slice(index)
    cursor.entries = []
  }
}

/** The entries of a directory in the order of their names. */
export async function* listDirectory(
  store: Store,
  directory: DirectoryEntry,
  options: ListOptions = {},
): AsyncGenerator<Entry> {
  for await (const batch of listBatches(store, directory, options)) yield* batch
}

/** The least name behind `name`. */
export function nextName(name: Name): Name {
  return `${name}\0`
}

/** The entry of that name; reads one node a level and one leaf, however large the directory. */
export async function findEntry(
  store: Store,
  directory: DirectoryEntry,
  name: Name,
  options: CallOptions = {},
): Promise<Entry | undefined> {
  const cursor = new DirectoryCursor(store, directory.content, { ...options, from: name })
  while (cursor.piece !== undefined && cursor.entries.length === 0) await cursor.read()
  const entry = cursor.entries[cursor.index]
  return entry?.name === name ? entry : undefined
}

/**
 * The entry at `path` below `root`, or `root` itself for the empty path; undefined when there is none.
 * Symlinks are entries like others: none is followed.
 */
export async function lookUp(
  store: Store,
  root: DirectoryEntry,
  path: Name,
  options: CallOptions = {},
): Promise<Entry | undefined> {
  let entry: Entry | undefined = root
  for (const [depth, name] of splitPath(path).entries()) {
    checkDepth(name, depth)
    if (entry?.kind !== 'directory') return undefined
    entry = await findEntry(store, entry, name, options)
  }
  return entry
}
