import type { Name } from '../bytes/name.ts'
import { elsewhere } from '../folder/scan/carry.ts'
import type { FolderState } from '../folder/state.ts'
import type { ContentRef } from '../object/content.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import { decodeLeaf, decodeNode } from '../object/tree.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { checkDepth, joinPath } from '../tree/path.ts'

/**
 * Puts a tree into a folder's state that has lost its own, without anything by which files could be recognised: all
 * are read again, and what is left out of the folder stays known.
 */
export async function fillState(
  state: FolderState,
  store: Store,
  root: DirectoryEntry,
  options: CallOptions = {},
): Promise<void> {
  const directories: { path: Name; depth: number; content: ContentRef }[] = []
  if (root.content) directories.push({ path: '', depth: 0, content: root.content })
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    const { path, depth } = directory
    checkDepth(path, depth)
    const pieces = [directory.content]
    for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
      const bytes = await store.get(piece.id, options)
      if (piece.depth > 0) {
        const below = piece.depth - 1
        pieces.push(...decodeNode(bytes, piece.depth).map(({ id }) => ({ id, depth: below })))
        continue
      }
      const entries = decodeLeaf(bytes)
      const stats = new BigInt64Array(2 * entries.length)
      for (const [n, entry] of entries.entries()) {
        // Nobody can tell whether it was here: what others cannot read either must not look deleted.
        if (entry.unreadable) stats[2 * n + 1] = elsewhere.ctimeNs
        if (entry.kind !== 'directory' || entry.content === undefined) continue
        const below = { path: joinPath(path, entry.name), depth: depth + 1, content: entry.content }
        directories.push(below)
      }
      state.put(path, { first: entries[0]!.name, id: piece.id, bytes: new Uint8Array(bytes), stats })
    }
  }
}
