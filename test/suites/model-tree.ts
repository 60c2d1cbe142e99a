import * as fc from 'fast-check'
import { compareNames } from '../../src/bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../src/object/entry.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import type { Store, WritableStore } from '../../src/store/store.ts'
import { walkTree } from '../../src/tree/walk.ts'
import { plantDirectory } from './plant.ts'

/**
 * A folder as a model: made from a list of edits, so that trees of one origin are alike, over few names and few
 * contents, so that edits meet.
 */
export interface ModelDirectory extends ModelMetadata {
  readonly kind: 'directory'
  readonly children: Map<string, ModelNode>
  readonly unreadable?: boolean
}

/** The same object at two places is one file with two names. */
export interface ModelFile extends ModelMetadata {
  readonly kind: 'file' | 'symlink' | 'fifo'
  /** Bytes of a file, target of a symlink; never empty. */
  data: string
  unreadable: boolean
}

interface ModelMetadata {
  mode: number
  uid: number
  /** Seconds. */
  mtime: number
  xattrs: ReadonlyMap<string, string>
}

export type ModelNode = ModelDirectory | ModelFile

export interface ModelEdit {
  readonly action: (typeof actions)[number]
  /** Which of the paths there are, or which of all that can be. */
  readonly where: number
  readonly to: number
  readonly value: number
}

const actions = [
  'write',
  'write',
  'rewrite',
  'rewrite',
  'append',
  'remove',
  'remove',
  'move',
  'move',
  'make directory',
  'symlink',
  'fifo',
  'link',
  'mode',
  'owner',
  'time',
  'xattr',
  'unreadable',
] as const

const names = ['a', 'b', 'c.txt', 'd']

export function modelEdits(maxLength: number, minLength = 0): fc.Arbitrary<ModelEdit[]> {
  const edit = fc.record({
    action: fc.constantFrom(...actions),
    where: fc.nat(1000),
    to: fc.nat(1000),
    value: fc.nat(5),
  })
  return fc.array(edit, { minLength, maxLength, size: 'max' })
}

export function emptyModel(): ModelDirectory {
  return { kind: 'directory', mode: 0o755, uid: 0, mtime: 0, xattrs: new Map(), children: new Map() }
}

/** A copy in which what was one file still is. */
export function copyModel(model: ModelDirectory): ModelDirectory {
  const copies = new Map<ModelFile, ModelFile>()
  const copy = (node: ModelNode): ModelNode => {
    if (node.kind === 'directory')
      return { ...node, children: new Map([...node.children].map(([name, child]) => [name, copy(child)])) }
    const known = copies.get(node) ?? { ...node }
    copies.set(node, known)
    return known
  }
  return copy(model) as ModelDirectory
}

/** Changes `root`. `writer` goes into what is written, so that contents can tell who wrote them. */
export function editModel(root: ModelDirectory, edits: readonly ModelEdit[], writer = ''): ModelDirectory {
  for (const one of edits) editOnce(root, one, writer)
  return root
}

interface Place {
  readonly path: string
  readonly parent: ModelDirectory
  readonly name: string
  readonly node: ModelNode
}

function places(root: ModelDirectory, path = ''): Place[] {
  return Array.from(root.children).flatMap(([name, node]) => {
    const own = path === '' ? name : `${path}/${name}`
    const place = { path: own, parent: root, name, node }
    return node.kind === 'directory' ? [place, ...places(node, own)] : [place]
  })
}

function editOnce(root: ModelDirectory, { action, where, to, value }: ModelEdit, writer: string): void {
  const all = places(root)
  const directories = [root, ...all.flatMap(({ node }) => (node.kind === 'directory' ? [node] : []))]
  const chosen = all[where % Math.max(all.length, 1)]
  const target = directories[to % directories.length]!
  const name = names[value % names.length]!
  const fresh = { mode: 0o644, uid: 0, mtime: 1 + (to % 4), xattrs: new Map<string, string>() }
  const file = (kind: ModelFile['kind'], data: string): ModelFile => ({
    kind,
    ...fresh,
    data,
    unreadable: false,
  })
  switch (action) {
    case 'write':
      target.children.set(name, file('file', `${writer}${where % 6}\n`))
      break
    case 'symlink':
      target.children.set(name, file('symlink', `${writer}${where % 6}`))
      break
    case 'fifo':
      target.children.set(name, file('fifo', '-'))
      break
    case 'make directory':
      target.children.set(name, { kind: 'directory', ...fresh, mode: 0o755, children: new Map() })
      break
    case 'rewrite':
      // A new file under the old name: other names of the old one keep that.
      if (chosen?.node.kind === 'file')
        chosen.parent.children.set(chosen.name, {
          ...chosen.node,
          data: `${writer}${value}\n`,
          mtime: fresh.mtime,
        })
      break
    case 'append':
      if (chosen?.node.kind === 'file') {
        chosen.node.data += `${writer}${value}\n`
        chosen.node.mtime = fresh.mtime
      }
      break
    case 'remove':
      chosen?.parent.children.delete(chosen.name)
      break
    case 'move':
      if (chosen === undefined || isWithin(target, chosen.node)) break
      chosen.parent.children.delete(chosen.name)
      target.children.set(name, chosen.node)
      break
    case 'link':
      if (chosen?.node.kind === 'file') target.children.set(name, chosen.node)
      break
    case 'mode':
      if (chosen) chosen.node.mode = 0o600 + value
      break
    case 'owner':
      if (chosen) chosen.node.uid = value
      break
    case 'time':
      if (chosen) chosen.node.mtime = fresh.mtime
      break
    case 'xattr':
      if (chosen) {
        const xattrs = new Map(chosen.node.xattrs)
        if (value === 0) xattrs.delete('user.a')
        else xattrs.set(value % 2 === 0 ? 'user.a' : 'user.b', `${value}`)
        chosen.node.xattrs = xattrs
      }
      break
    case 'unreadable':
      if (chosen?.node.kind === 'file' && value === 0) chosen.node.unreadable = true
      break
  }
}

function isWithin(directory: ModelDirectory, node: ModelNode): boolean {
  if (node === directory) return true
  return node.kind === 'directory' && [...node.children.values()].some((child) => isWithin(directory, child))
}

/** Writes a model into `store`, as a snapshot would. */
export async function plantModel(store: WritableStore, root: ModelDirectory): Promise<DirectoryEntry> {
  const puts: Promise<void>[] = []
  const keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    puts.push(store.put(id, bytes))
    return id
  }
  const firsts = new Map<ModelNode, string>()
  const grow = (name: string, path: string, node: ModelNode): Entry => {
    const { mode, uid, mtime } = node
    const xattrs = Array.from(node.xattrs, ([name, value]) => ({
      name,
      value: new TextEncoder().encode(value),
    }))
    xattrs.sort((a, b) => compareNames(a.name, b.name))
    const common = { name, mode, uid, gid: 0, mtimeNs: BigInt(mtime) * 1_000_000_000n, xattrs }
    if (node.kind === 'directory' && node.unreadable === true)
      return { kind: 'directory', ...common, link: undefined, unreadable: true, size: 0, count: 0 }
    if (node.kind === 'directory') {
      const sorted = [...node.children].toSorted(([a], [b]) => compareNames(a, b))
      const children = sorted.map(([child, node]) =>
        grow(child, path === '' ? child : `${path}/${child}`, node),
      )
      const { size, count, content } = plantDirectory(name, children, keep)
      return { kind: 'directory', ...common, link: undefined, unreadable: false, size, count, content }
    }
    const link = firsts.get(node)
    if (link === undefined) firsts.set(node, path)
    if (node.kind === 'symlink')
      return { kind: 'symlink', ...common, link, unreadable: false, target: node.data }
    if (node.kind === 'fifo') return { kind: 'fifo', ...common, link, unreadable: false }
    const bytes = new TextEncoder().encode(node.data)
    const content = node.unreadable ? undefined : { depth: 0, id: keep(bytes) }
    const about = { link, unreadable: node.unreadable, size: bytes.length, content, unstable: false }
    return { kind: 'file', ...common, ...about }
  }
  const entry = grow('', '', root)
  await Promise.all(puts)
  return entry as DirectoryEntry
}

/** What stands at the paths of a tree: a file with its bytes, a symlink with its target, or just the kind. */
export async function readModel(store: Store, root: DirectoryEntry): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const { path, entry } of walkTree(store, root)) {
    if (entry.unreadable) found.set(path, '?')
    else if (entry.kind === 'directory') found.set(path, 'directory')
    else if (entry.kind === 'symlink') found.set(path, `link: ${entry.target}`)
    else if (entry.kind === 'file')
      found.set(
        path,
        `file: ${entry.content ? new TextDecoder().decode(await store.get(entry.content.id)) : ''}`,
      )
    else found.set(path, entry.kind)
  }
  return found
}
