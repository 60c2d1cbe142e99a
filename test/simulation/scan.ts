import { compareNames } from '../../src/bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../src/object/entry.ts'
import type { Id } from '../../src/object/id.ts'
import { buildLeaves, buildNodes } from '../../src/object/tree.ts'
import { directoryOf, joinPath } from '../../src/tree/path.ts'
import { addSizes } from '../../src/object/entry.ts'
import type { Absent } from './absent.ts'
import type { Node, SimulatedDisk } from './disk.ts'

/** Keeps a chunk; its id. */
export type Keep = (bytes: Uint8Array) => Id

const owner = { uid: 1000, gid: 1000, xattrs: [], unreadable: false }

/** The entry of a file or symlink as it stands there now. */
export function leafEntry(name: string, node: Exclude<Node, { kind: 'directory' }>, keep: Keep): Entry {
  const { mode, mtimeNs } = node
  const common = { name, mode, mtimeNs, ...owner }
  if (node.kind === 'symlink') return { ...common, kind: 'symlink', target: node.target }
  const bytes = new TextEncoder().encode(node.text)
  const content = bytes.length === 0 ? undefined : ({ depth: 0, id: keep(bytes) } as const)
  return { ...common, kind: 'file', size: bytes.length, content, unstable: false }
}

/**
 * Reads a whole disk as a scan does, a directory or file at a time: what is moved meanwhile may be met twice, or never.
 * `step` is awaited before each look. `known` tells of a file whether it has to be read; what is `absent` is taken for there.
 */
export async function scan(
  disk: SimulatedDisk,
  step: (what: string) => Promise<void>,
  keep: Keep,
  known: Map<number, number>,
  absent: Absent,
): Promise<DirectoryEntry> {
  const leaf = async (path: string, name: string): Promise<Entry | undefined> => {
    const listed = disk.at(path)
    if (listed !== undefined && known.get(listed.inode) !== listed.changed) await step(`read ${path}`)
    const node = disk.at(path)
    if (node?.kind === 'directory') return directory(path, name)
    if (node === undefined) return undefined
    known.set(node.inode, node.changed)
    return leafEntry(name, node, keep)
  }
  const directory = async (path: string, name: string): Promise<DirectoryEntry | undefined> => {
    await step(`list ${path}/`)
    const node = disk.directory(path)
    if (node === undefined) return undefined
    const { mode, mtimeNs } = node
    const kinds = [...node.entries].map(([name, { kind }]) => [name, kind] as const)
    const entries = [...absent].flatMap(([below, entry]) => (directoryOf(below) === path ? [entry] : []))
    for (const [name, kind] of kinds) {
      const below = joinPath(path, name)
      // Something else has the place of what is not here: that stays.
      if (absent.has(below)) continue
      const entry = await (kind === 'directory' ? directory(below, name) : leaf(below, name))
      if (entry !== undefined) entries.push(entry)
    }
    entries.sort((a, b) => compareNames(a.name, b.name))
    let [size, count] = [0, entries.length]
    for (const entry of entries) {
      if (entry.kind === 'file' || entry.kind === 'directory') size = addSizes(size, entry.size)
      if (entry.kind === 'directory') count += entry.count
    }
    const leaves = [...buildLeaves(entries)].map(({ bytes, first, count }) => ({
      id: keep(bytes),
      first,
      count,
    }))
    const content = buildNodes(leaves, keep)
    return { kind: 'directory', name, mode, mtimeNs, ...owner, size, count, content }
  }
  return (await directory('', ''))!
}
