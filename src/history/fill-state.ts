import { compareNames, type Name } from '../bytes/name.ts'
import { elsewhere } from '../folder/scan/carry.ts'
import type { FolderState, StateLeaf } from '../folder/state.ts'
import type { ContentRef } from '../object/content.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import type { Id } from '../object/id.ts'
import { decodeLeaf, decodeNode } from '../object/tree.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { checkDepth, joinPath } from '../tree/path.ts'

/**
 * Puts a tree into a folder's state that has lost its own, without anything by which files could be recognised: all
 * are read again, and what is left out of the folder, or `absent`, stays known.
 */
export async function fillState(
  state: FolderState,
  store: Store,
  root: DirectoryEntry,
  absent: ReadonlySet<Name>,
  options: CallOptions = {},
): Promise<void> {
  const directories: { path: Name; depth: number; content: ContentRef }[] = []
  if (root.content) directories.push({ path: '', depth: 0, content: root.content })
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    const { path, depth } = directory
    checkDepth(path, depth)
    for await (const { id, bytes } of leavesOf(store, directory.content, options)) {
      const entries = decodeLeaf(bytes)
      const stats = new BigInt64Array(2 * entries.length)
      for (const [n, entry] of entries.entries()) {
        // Nobody can tell whether it was here: what others cannot read either must not look deleted.
        const isAway = entry.unreadable || absent.has(joinPath(path, entry.name))
        if (isAway) stats[2 * n + 1] = elsewhere.ctimeNs
        if (isAway || entry.kind !== 'directory' || entry.content === undefined) continue
        const below = { path: joinPath(path, entry.name), depth: depth + 1, content: entry.content }
        directories.push(below)
      }
      state.put(path, { first: entries[0]!.name, id, bytes, stats })
    }
  }
}

/** What to remember of a directory of which nothing was here. */
export async function absentLeaves(
  store: Store,
  { content }: DirectoryEntry,
  options: CallOptions = {},
): Promise<readonly StateLeaf[]> {
  const leaves: StateLeaf[] = []
  if (content === undefined) return leaves
  for await (const { id, bytes } of leavesOf(store, content, options)) {
    const entries = decodeLeaf(bytes)
    const stats = new BigInt64Array(2 * entries.length)
    for (const n of entries.keys()) [stats[2 * n], stats[2 * n + 1]] = [elsewhere.ino, elsewhere.ctimeNs]
    leaves.push({ first: entries[0]!.name, id, bytes, stats })
  }
  return leaves.toSorted((a, b) => compareNames(a.first, b.first))
}

async function* leavesOf(
  store: Store,
  root: ContentRef,
  options: CallOptions,
): AsyncGenerator<{ id: Id; bytes: Uint8Array<ArrayBuffer> }> {
  const pieces = [root]
  for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
    const bytes = await store.get(piece.id, options)
    const below = piece.depth - 1
    if (below < 0) yield { id: piece.id, bytes: new Uint8Array(bytes) }
    else pieces.push(...decodeNode(bytes, piece.depth).map(({ id }) => ({ id, depth: below })))
  }
}
