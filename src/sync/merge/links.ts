import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import { lookUp } from '../../tree/directory.ts'
import { editTree, type PathEdit } from '../../tree/edit-tree.ts'
import { equalEntries } from '../../tree/equal-entries.ts'
import { comparePaths } from '../../tree/path.ts'
import { sameData } from './merge-data.ts'
import { movedPath, type Move } from './move.ts'
import type { NewNodes } from './new-nodes.ts'

interface First {
  readonly path: Name
  readonly entry: Entry
}

/** A name may name one that names one: as many as this, and then it is on its own. */
const maxHops = 8

/**
 * Sets the further names of files right, at the paths where a merge has put some: each is what the first name is, if
 * that still holds the same data, and otherwise a file of its own, as are those together that have lost the same
 * first name.
 */
export async function mendLinks(
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
  for (const path of [...new Set(paths)].toSorted(comparePaths)) {
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
