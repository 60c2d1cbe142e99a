import type { DirectoryEntry, Entry } from '../../src/object/entry.ts'
import type { Store } from '../../src/store/store.ts'
import { walkTree } from '../../src/tree/walk.ts'
import type { ModelDirectory, ModelFile, ModelNode } from './model-tree.ts'

/** The model that a tree is of: what `plantModel` undoes. */
export async function modelOf(store: Store, root: DirectoryEntry): Promise<ModelDirectory> {
  const nodes = new Map<string, ModelNode>()
  const top = { kind: 'directory' as const, ...metadataOf(root), children: new Map<string, ModelNode>() }
  nodes.set('', top)
  for await (const { path, entry } of walkTree(store, root)) {
    const slash = path.lastIndexOf('/')
    const parent = nodes.get(path.slice(0, Math.max(slash, 0)))
    if (parent?.kind !== 'directory') throw new Error(`no directory for ${path}`)
    const node =
      (entry.link === undefined ? undefined : nodes.get(entry.link)) ?? (await nodeOf(store, entry))
    nodes.set(path, node)
    parent.children.set(entry.name, node)
  }
  return top
}

async function nodeOf(store: Store, entry: Entry): Promise<ModelNode> {
  if (entry.kind === 'directory') return { kind: 'directory', ...metadataOf(entry), children: new Map() }
  const file = { ...metadataOf(entry), unreadable: entry.unreadable }
  if (entry.kind === 'symlink') return { kind: 'symlink', ...file, data: entry.target }
  if (entry.kind !== 'file') return { kind: 'fifo', ...file, data: '-' }
  const data = entry.content ? new TextDecoder().decode(await store.get(entry.content.id)) : ''
  return { kind: 'file', ...file, data: entry.unreadable ? '?' : data }
}

function metadataOf({ mode, uid, mtimeNs, xattrs }: Entry): Omit<ModelFile, 'kind' | 'data' | 'unreadable'> {
  const values = xattrs.map(({ name, value }) => [name, new TextDecoder().decode(value)] as const)
  return { mode, uid, mtime: Number(mtimeNs / 1_000_000_000n), xattrs: new Map(values) }
}
