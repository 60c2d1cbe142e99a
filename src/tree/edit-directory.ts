import { compareNames, type Name } from '../bytes/name.ts'
import { corrupt } from '../errors.ts'
import type { ContentRef, Emit } from '../object/content.ts'
import { addSizes, type Entry } from '../object/entry.ts'
import { decodeNode } from '../object/tree.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { DirectoryBuilder } from './directory-builder.ts'
import { DirectoryCursor, type TreePiece } from './directory-cursor.ts'

/** What a directory is to hold under one name: nothing, when `entry` is undefined. */
export interface EntryEdit {
  readonly name: Name
  readonly entry: Entry | undefined
}

/** What a directory's entry says of all that is below it; see `DirectoryEntry`. */
export interface Below {
  readonly content?: ContentRef | undefined
  readonly size: number
  readonly count: number
}

/** Below an empty directory. */
export const nothingBelow: Below = { content: undefined, size: 0, count: 0 }

/**
 * A directory with some entries added, replaced or taken away; `edits` are in the order of their names, each name
 * once. Leaves and nodes without an edit are kept unread, and the result is what a snapshot of the same entries
 * would be. New leaves and nodes go to `emit`. Rejects `corrupt` when the sizes that `directory` states cannot be.
 */
export async function editDirectory(
  store: Store,
  directory: Below,
  edits: readonly EntryEdit[],
  emit: Emit,
  options: CallOptions = {},
): Promise<Below> {
  // Nothing else of a whole entry, if that is what was given.
  if (edits.length === 0) return { content: directory.content, size: directory.size, count: directory.count }
  const builder = new DirectoryBuilder(emit)
  const cursor = new DirectoryCursor(store, directory.content, options)
  // A sum that is only the largest that can be stated is no help: then all sizes are added up again.
  const isExact = directory.size < Number.MAX_SAFE_INTEGER
  let [removedSize, addedSize, count] = [0, 0, directory.count]
  const keep = (entry: Entry): void => {
    if (!isExact) addedSize = addSizes(addedSize, sizeOf(entry))
    builder.add(entry)
  }
  const add = (entry: Entry | undefined): void => {
    if (entry === undefined) return
    addedSize = addSizes(addedSize, sizeOf(entry))
    count += countOf(entry)
    builder.add(entry)
  }
  const remove = (entry: Entry): void => {
    removedSize = addSizes(removedSize, sizeOf(entry))
    count -= countOf(entry)
  }

  let next = 0
  const addBefore = (name: Name): void => {
    while (next < edits.length && compareNames(edits[next]!.name, name) < 0) add(edits[next++]!.entry)
  }
  for (let piece = cursor.piece; piece !== undefined; piece = cursor.piece) {
    if (piece.first !== undefined) addBefore(piece.first)
    if (isExact && isUntouched(piece, edits[next]) && builder.mayTake(piece.level)) {
      builder.take(piece.level, { id: piece.id, first: piece.first!, count: piece.count! })
      cursor.skip()
      continue
    }
    await cursor.read()
    for (const entry of cursor.entries) {
      addBefore(entry.name)
      if (edits[next]?.name === entry.name) {
        remove(entry)
        add(edits[next++]!.entry)
      } else keep(entry)
    }
    cursor.entries = []
  }
  while (next < edits.length) add(edits[next++]!.entry)

  const built = builder.finish()
  const content = built.taken ? await withoutSingles(store, built.content, options) : built.content
  const before = isExact ? directory.size - removedSize : 0
  if (before < 0 || count < 0 || count > 0 !== (content !== undefined))
    throw corrupt('tree', 'sizes that do not add up')
  return { content, size: addSizes(before, addedSize), count }
}

/** Whether the first edit that is left stands behind all of a piece. */
function isUntouched({ first, until }: TreePiece, edit: EntryEdit | undefined): boolean {
  if (first === undefined) return false
  return edit === undefined || (until !== undefined && compareNames(edit.name, until) >= 0)
}

/** The last node of a level may have one line only; when it is the only one that is left, that line is the whole. */
async function withoutSingles(
  store: Store,
  content: ContentRef | undefined,
  options: CallOptions,
): Promise<ContentRef | undefined> {
  let at = content
  while (at !== undefined && at.depth > 0) {
    const lines = decodeNode(await store.get(at.id, options), at.depth)
    if (lines.length > 1) return at
    at = { depth: at.depth - 1, id: lines[0]!.id }
  }
  return at
}

function sizeOf(entry: Entry): number {
  return entry.kind === 'file' || entry.kind === 'directory' ? entry.size : 0
}

function countOf(entry: Entry): number {
  return 1 + (entry.kind === 'directory' ? entry.count : 0)
}
