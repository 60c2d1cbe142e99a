import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Difference } from '../../tree/compare-directories.ts'
import { compareTrees } from '../../tree/compare-trees.ts'
import { lookUp } from '../../tree/directory.ts'
import { editTree, type PathEdit } from '../../tree/edit-tree.ts'
import { equalEntries, sameData } from '../../tree/equal-entries.ts'
import { comparePaths } from '../../tree/path.ts'
import { movedPath, type Move } from './move.ts'
import type { NewNodes } from './new-nodes.ts'

interface First {
  readonly path: Name
  readonly entry: Entry
}

/** A name may name one that names one: as many as this, and then it is on its own. */
const maxHops = 8

/**
 * Sets the further names of files right in a tree that was merged of two: each is what the first name is, if that
 * still holds the same data, and otherwise a file of its own, as are those together that have lost the same first
 * name. Links by paths of before `moves` are understood.
 */
export async function mendLinks(
  nodes: NewNodes,
  root: DirectoryEntry,
  [left, right]: readonly [DirectoryEntry, DirectoryEntry],
  moves: readonly Move[],
  options: CallOptions,
): Promise<DirectoryEntry> {
  // A link can only have gone wrong if its side had one of its ends changed by the other, or moved.
  const isAltered = async (side: DirectoryEntry): Promise<boolean> =>
    moves.length > 0 || (await hasChanged(nodes, side, root, options))
  const paths: Name[] = []
  if (await isAltered(left)) paths.push(...(await linksSince(nodes, right, root, options)))
  if (await isAltered(right)) paths.push(...(await linksSince(nodes, left, root, options)))
  return paths.length === 0
    ? root
    : mendAt(nodes, root, [...new Set(paths)].toSorted(comparePaths), moves, options)
}

/** Whether something that the side has is not as it was. */
async function hasChanged(
  nodes: NewNodes,
  side: DirectoryEntry,
  root: DirectoryEntry,
  options: CallOptions,
): Promise<boolean> {
  const differences = compareTrees(nodes, side, root, { ...options, enter: isOnBoth })
  for await (const batch of differences)
    for (const { before, after } of batch)
      if (before && (before.kind !== 'directory' || after?.kind !== 'directory')) return true
  return false
}

function isOnBoth({ before, after }: Difference): boolean {
  return before !== undefined && after !== undefined
}

/** Where further names stand that the side does not have just so. */
async function linksSince(
  nodes: NewNodes,
  side: DirectoryEntry,
  root: DirectoryEntry,
  options: CallOptions,
): Promise<Name[]> {
  const found: Name[] = []
  for await (const batch of compareTrees(nodes, side, root, options))
    for (const { path, after } of batch) if (after?.link !== undefined) found.push(path)
  return found
}

async function mendAt(
  nodes: NewNodes,
  root: DirectoryEntry,
  paths: readonly Name[],
  moves: readonly Move[],
  options: CallOptions,
): Promise<DirectoryEntry> {
  const find = async (path: Name): Promise<First | undefined> => {
    const entry = await lookUp(nodes, root, path, options)
    return entry && { path, entry }
  }
  /** What the link of an entry leads to, if that is the same file. */
  const firstOf = async ({ path, entry }: First, hops = 0): Promise<First | undefined> => {
    if (entry.link === undefined || hops > maxHops) return undefined
    const there = (await find(entry.link)) ?? (await find(movedPath(entry.link, moves)))
    if (there === undefined || !sameData(there.entry, entry)) return undefined
    const first = (await firstOf(there, hops + 1)) ?? there
    return comparePaths(first.path, path) < 0 ? first : undefined
  }

  const edits: PathEdit[] = []
  const orphans = new Map<Name, First[]>()
  for (const path of paths) {
    const at = await find(path)
    if (at?.entry.link === undefined) continue
    let first = await firstOf(at)
    if (first === undefined) {
      const others = orphans.get(at.entry.link) ?? []
      first = others.find(({ entry }) => sameData(entry, at.entry))
      if (first === undefined) {
        const alone = { path, entry: { ...at.entry, link: undefined } }
        orphans.set(at.entry.link, [...others, alone])
        edits.push(alone)
        continue
      }
    }
    const entry = { ...first.entry, name: at.entry.name, link: first.path }
    if (!equalEntries(entry, at.entry)) edits.push({ path, entry })
  }
  return edits.length === 0 ? root : editTree(nodes, root, edits, nodes.emit, options)
}
