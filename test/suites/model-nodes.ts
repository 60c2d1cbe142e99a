import type { DirectoryEntry } from '../../src/object/entry.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import type { Conflict } from '../../src/sync/merge/conflict.ts'
import { walkTree } from '../../src/tree/walk.ts'
import { mergeIn } from './merging.ts'
import { plantModel, readModel, type ModelDirectory, type ModelFile, type ModelNode } from './model-tree.ts'

/** Trees for tests, written down: what is not given of a file is always the same. */
export interface Given {
  readonly mode?: number
  readonly uid?: number
  /** Seconds. */
  readonly mtime?: number
  readonly xattrs?: Readonly<Record<string, string>>
  readonly unreadable?: boolean
}

const defaults = { mode: 0o644, uid: 1000, mtime: 100 }

function metadata({ xattrs = {}, ...given }: Given): Omit<ModelFile, 'kind' | 'data'> {
  return { ...defaults, unreadable: false, ...given, xattrs: new Map(Object.entries(xattrs)) }
}

export function file(data: string, given: Given = {}): ModelFile {
  return { kind: 'file', data, ...metadata(given) }
}

export function symlink(target: string, given: Given = {}): ModelFile {
  return { kind: 'symlink', data: target, ...metadata({ mode: 0o777, ...given }) }
}

export function fifo(given: Given = {}): ModelFile {
  return { kind: 'fifo', data: '-', ...metadata(given) }
}

export type Children = Readonly<Record<string, ModelNode | string>>

/** A text is a file. */
export function directory(children: Children, given: Given = {}): ModelDirectory {
  const nodes = Object.entries(children).map(([name, node]) => [
    name,
    typeof node === 'string' ? file(node) : node,
  ])
  return {
    kind: 'directory',
    ...metadata({ mode: 0o755, ...given }),
    children: new Map(nodes as [string, ModelNode][]),
  }
}

/** What came of a merge, with the conflicts in the order of their paths. */
export interface Outcome {
  readonly store: MemoryStore
  readonly root: DirectoryEntry
  /** What stands where, but for directories that are not empty. */
  readonly tree: Readonly<Record<string, string>>
  readonly conflicts: readonly Conflict[]
}

/** Merges `left` of the host `one` with `right` of the host `two`; fails unless it is the same the other way round. */
export async function outcome(base: Children | undefined, left: Children, right: Children): Promise<Outcome> {
  const store = new MemoryStore()
  const plant = (children: Children): Promise<DirectoryEntry> => plantModel(store, directory(children))
  const [old, ours, theirs] = [base && (await plant(base)), await plant(left), await plant(right)]
  const { root, conflicts } = await mergeIn(store, old, ours, theirs)
  const mirrored = await mergeIn(store, old, theirs, ours, ['two', 'one'])
  if (JSON.stringify(conflicts) !== JSON.stringify(mirrored.conflicts) || !isSameRoot(root, mirrored.root))
    throw new Error('the merge is not the same the other way round')
  const tree: Record<string, string> = {}
  const full = new Set<string>()
  for await (const { path } of walkTree(store, root))
    full.add(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))
  for (const [path, what] of await readModel(store, root))
    if (what !== 'directory' || !full.has(path)) tree[path] = what.replace(/^file: /, '')
  return { store, root, tree, conflicts }
}

function isSameRoot(a: DirectoryEntry, b: DirectoryEntry): boolean {
  return a.content?.id === b.content?.id && a.mtimeNs === b.mtimeNs && a.mode === b.mode
}
