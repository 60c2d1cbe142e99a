import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { Emit } from '../object/content.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { findEntry } from './directory.ts'
import { editDirectory, nothingBelow, type EntryEdit } from './edit-directory.ts'
import { checkDepth, comparePaths, joinPath } from './path.ts'

/** What is to stand at a path; nothing, when `entry` is undefined. Its name is that of the path. */
export interface PathEdit {
  readonly path: Name
  readonly entry: Entry | undefined
}

export interface EditTreeOptions extends CallOptions {
  /** What a directory is that has to be made because something is to stand in it; all but what is below it counts. */
  readonly directory?: ((path: Name) => DirectoryEntry) | undefined
}

/**
 * A tree with some paths replaced, in the manner of `editDirectory`. No path may lie below another. Rejects `missing`
 * when a directory is missing and `directory` is not given, or something that is none stands in the way.
 */
export async function editTree(
  store: Store,
  root: DirectoryEntry,
  edits: readonly PathEdit[],
  emit: Emit,
  options: EditTreeOptions = {},
): Promise<DirectoryEntry> {
  const sorted = edits.toSorted((a, b) => comparePaths(a.path, b.path))
  const { directory, signal } = options

  const edit = async (
    at: DirectoryEntry,
    path: Name,
    part: readonly PathEdit[],
    depth: number,
  ): Promise<DirectoryEntry> => {
    checkDepth(path, depth)
    const here: EntryEdit[] = []
    const start = path === '' ? 0 : path.length + 1
    for (let from = 0; from < part.length;) {
      const first = part[from]!
      const end = first.path.indexOf('/', start)
      if (end === -1) {
        here.push({ name: first.path.slice(start), entry: first.entry })
        from++
        continue
      }
      const name = first.path.slice(start, end)
      let to = from + 1
      while (to < part.length && part[to]!.path.startsWith(name, start) && part[to]!.path[end] === '/') to++
      const below = part.slice(from, to)
      from = to
      const child = joinPath(path, name)
      let entry = await findEntry(store, at, name, { signal })
      // What is not there need not be taken away.
      if (entry === undefined && below.every((one) => one.entry === undefined)) continue
      if (entry === undefined && directory) entry = { ...directory(child), name, ...nothingBelow }
      if (entry?.kind !== 'directory') throw new TidemarkError('missing', 'no such directory in this tree')
      here.push({ name, entry: await edit(entry, child, below, depth + 1) })
    }
    return { ...at, ...(await editDirectory(store, at, here, emit, { signal })) }
  }
  return edit(root, '', sorted, 0)
}
