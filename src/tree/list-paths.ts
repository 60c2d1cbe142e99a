import type { Name } from '../bytes/name.ts'
import type { ContentRef } from '../object/content.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import type { LeafWalk } from '../object/leaf-walk.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { DirectoryCursor } from './directory-cursor.ts'
import { leavesAhead, nextName } from './directory.ts'
import { type LineForm, PathLines } from './path-lines.ts'
import { checkDepth, joinPath } from './path.ts'

export interface ListPathsOptions extends CallOptions {
  /** The path of the directory, which stands before the names. The root's by default. */
  readonly path?: Name | undefined
  /** Also what is below its sub-directories. */
  readonly recursive?: boolean | undefined
}

/** Levels that are kept open; those of directories further up are closed, and opened again later. */
const openLevels = 16

interface Level {
  readonly content: ContentRef | undefined
  readonly path: Name
  cursor: DirectoryCursor | undefined
  leaf: LeafWalk | undefined
  /** The name that was entered last. */
  last: Name | undefined
}

/**
 * What is in a directory as lines of bytes, a piece of some kilobytes at a time, in path order. Most entries are never
 * decoded: that takes ten times as long. Memory is bounded as for `compareTrees`.
 */
export async function* listPaths(
  store: Store,
  directory: DirectoryEntry,
  form: LineForm,
  options: ListPathsOptions = {},
): AsyncGenerator<Uint8Array> {
  const { path = '', recursive = false, signal } = options
  const lines = new PathLines(form)
  const levels: Level[] = []
  const descend = (content: ContentRef | undefined, path: Name): void => {
    checkDepth(path, levels.length)
    levels.push({ content, path, cursor: undefined, leaf: undefined, last: undefined })
    lines.begin(path)
    const above = levels.at(-1 - openLevels)
    if (above) [above.cursor, above.leaf] = [undefined, undefined]
  }

  descend(directory.content, path)
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { content, path, last } = level
    const from = last === undefined ? undefined : nextName(last)
    level.cursor ??= new DirectoryCursor(store, content, { from, signal, ahead: leavesAhead })
    level.leaf ??= await level.cursor.nextLeaf()
    if (level.leaf === undefined) {
      levels.pop()
      const above = levels.at(-1)
      if (above) lines.begin(above.path)
      continue
    }
    const entered = lines.add(level.leaf, recursive)
    if (entered !== undefined) {
      level.last = entered.name
      descend(entered.content, joinPath(path, entered.name))
    } else if (!level.leaf.isAtEntry) level.leaf = undefined
    if (lines.isFull) yield lines.take()
  }
  yield lines.take()
}
