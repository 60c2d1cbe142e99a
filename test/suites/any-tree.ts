import { hash } from 'node:crypto'
import * as fc from 'fast-check'
import { compareNames, nameFromBytes, nameToBytes, type Name } from '../../src/bytes/name.ts'
import { buildContent, type ContentItem } from '../../src/object/content.ts'
import type { DirectoryEntry, Entry } from '../../src/object/entry.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import { isSafeName } from '../../src/object/entry-codec.ts'
import type { WritableStore } from '../../src/store/store.ts'
import { plantDirectory } from './plant.ts'
import type { Described } from './read-folder.ts'

/** A piece of a file: a hole, or bytes of one value. */
export interface Piece {
  readonly hole: boolean
  readonly length: number
  readonly byte: number
}

export interface AnyNode {
  readonly kind: Entry['kind']
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
  readonly xattrs: readonly { readonly name: Name; readonly value: Uint8Array }[]
  readonly pieces: readonly Piece[]
  readonly target: Name
  readonly minor: number
  readonly children: readonly (readonly [Name, AnyNode])[]
  /** Files of one group within a tree become names of one file. */
  readonly group: number
}

/** Few short names, so that two trees share many, and some of any bytes. */
const anyName: fc.Arbitrary<Name> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', 'd', 'A', 'ä', 'a.b') },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => nameFromBytes(bytes)),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(nameFromBytes(Uint8Array.of(0x80)), nameFromBytes(Uint8Array.of(0xff))),
    },
  )
  .filter((name) => isSafeName(name) && name !== '.tidemark')

const anyXattrs = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom('user.a', 'user.b', 'user.\u00e4'),
      value: fc.uint8Array({ maxLength: 8 }),
    }),
    { selector: ({ name }) => name, maxLength: 2 },
  )
  .map((xattrs) => xattrs.toSorted((a, b) => compareNames(a.name, b.name)))

const anyPieces = fc.array(
  fc.record({
    hole: fc.boolean(),
    length: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(4096, 65_536, 131_072)),
    byte: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 4 },
)

const times = fc.oneof(
  fc.constantFrom(0n, 1n, 1_700_000_000_123_456_789n, 1_700_000_000_000_000_000n),
  fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
)

export interface TreeOptions {
  /** Owners and devices can be given. */
  readonly asRoot: boolean
}

export function anyTree({ asRoot }: TreeOptions): fc.Arbitrary<AnyNode> {
  const owners = asRoot ? fc.constantFrom(0, 1, 1000, 65_534) : fc.constant(process.getuid?.() ?? 0)
  const groups = asRoot ? owners : fc.constant(process.getgid?.() ?? 0)
  const leaves: Entry['kind'][] = ['file', 'file', 'file', 'file', 'symlink', 'fifo', 'socket']
  const kinds = fc.constantFrom<Entry['kind']>(
    ...leaves,
    ...(asRoot ? (['character-device', 'block-device'] as const) : []),
  )
  const { node } = fc.letrec<{ node: AnyNode; directory: AnyNode; leaf: AnyNode }>((tie) => {
    const common = {
      uid: owners,
      gid: groups,
      mtimeNs: times,
      pieces: anyPieces,
      target: anyName,
      minor: fc.integer({ min: 0, max: 300 }),
      group: fc.integer({ min: 0, max: 12 }),
    }
    return {
      leaf: fc.record({
        ...common,
        kind: kinds,
        mode: fc.oneof(fc.constantFrom(0o644, 0o755, 0, 0o4755, 0o2711), fc.integer({ min: 0, max: 0o7777 })),
        xattrs: anyXattrs,
        children: fc.constant([]),
      }),
      directory: fc.record({
        ...common,
        kind: fc.constant('directory' as const),
        mode: asRoot ? fc.integer({ min: 0, max: 0o7777 }) : fc.constantFrom(0o755, 0o700, 0o555),
        xattrs: anyXattrs,
        children: fc.uniqueArray(fc.tuple(anyName, tie('node')), {
          selector: ([name]) => name,
          maxLength: 6,
        }),
      }),
      node: fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('leaf'), tie('directory')),
    }
  })
  return fc
    .tuple(node, fc.uniqueArray(fc.tuple(anyName, node), { selector: ([name]) => name, maxLength: 8 }))
    .map(([like, children]) => ({ ...like, kind: 'directory' as const, mode: 0o755, children }))
}

/** A node with its hard links resolved: the first of each group in path order, by kind, is the file. */
export interface Resolved {
  readonly node: AnyNode
  readonly link: Name | undefined
}

/** Calls back for each node in path order with its path and what it is. */
export function walkAny(root: AnyNode, visit: (path: Name, resolved: Resolved) => void): void {
  const firsts = new Map<number, { path: Name; node: AnyNode }>()
  const go = (node: AnyNode, path: Name): void => {
    const first = node.kind === 'file' && node.group < 3 ? firsts.get(node.group) : undefined
    if (node.kind === 'file' && node.group < 3 && first === undefined) firsts.set(node.group, { path, node })
    visit(path, { node: first?.node ?? node, link: first?.path })
    for (const [name, child] of sorted(node)) go(child, path === '' ? name : `${path}/${name}`)
  }
  go(root, '')
}

function sorted(node: AnyNode): readonly (readonly [Name, AnyNode])[] {
  if (node.kind !== 'directory') return []
  return node.children.toSorted(([a], [b]) => compareNames(a, b))
}

/** Writes the tree into `store` as a snapshot would, and returns its root. */
export async function plantAny(store: WritableStore, root: AnyNode): Promise<DirectoryEntry> {
  const puts: Promise<void>[] = []
  const keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    puts.push(store.put(id, new Uint8Array(bytes)))
    return id
  }
  const resolved = new Map<Name, Resolved>()
  walkAny(root, (path, what) => resolved.set(path, what))
  const grow = (name: Name, path: Name, own: AnyNode): Entry => {
    const { node, link } = resolved.get(path)!
    const { mode, uid, gid, mtimeNs, xattrs } = node
    const common = { name, mode, uid, gid, mtimeNs, xattrs, link, unreadable: false }
    switch (node.kind) {
      case 'directory': {
        const children = sorted(own).map(([name, child]) =>
          grow(name, path === '' ? name : `${path}/${name}`, child),
        )
        const { size, count, content } = plantDirectory(name, children, keep)
        return { kind: 'directory', ...common, link: undefined, size, count, content }
      }
      case 'file': {
        const items = node.pieces.map(({ hole, length, byte }): ContentItem => {
          return { length, id: hole ? undefined : keep(new Uint8Array(length).fill(byte)) }
        })
        const size = node.pieces.reduce((sum, { length }) => sum + length, 0)
        return { kind: 'file', ...common, size, content: buildContent(items, keep), unstable: false }
      }
      case 'symlink':
        return { kind: 'symlink', ...common, target: node.target }
      case 'character-device':
      case 'block-device':
        return { kind: node.kind, ...common, major: 1, minor: node.minor }
      case 'fifo':
      case 'socket':
        return { kind: node.kind, ...common }
    }
  }
  const entry = grow('', '', root)
  await Promise.all(puts)
  return entry as DirectoryEntry
}

const kindDigits = {
  fifo: 1,
  'character-device': 2,
  directory: 4,
  'block-device': 6,
  file: 8,
  symlink: 10,
  socket: 12,
}

function latin(name: Name): string {
  return Buffer.from(nameToBytes(name)).toString('latin1')
}

/** What `readFolder` should say of the tree once it is restored. */
export function describeAny(root: AnyNode): Described {
  const described = new Map<string, string>()
  walkAny(root, (path, { node, link }) => {
    const parts = [
      kindDigits[node.kind].toString(8),
      node.kind === 'symlink' ? '-' : node.mode.toString(8),
      `${node.uid}:${node.gid}`,
      `${node.mtimeNs}`,
      canHaveXattrs(node)
        ? node.xattrs.map(({ name, value }) => `${name}=${Buffer.from(value).toString('hex')}`).join(',')
        : '',
      link === undefined ? '' : `= ${latin(link)}`,
    ]
    if (node.kind === 'file') {
      const bytes = Buffer.concat(
        node.pieces.map(({ hole, length, byte }) => Buffer.alloc(length, hole ? 0 : byte)),
      )
      parts.push(`${bytes.length} ${hash('sha256', bytes)}`)
    }
    if (node.kind === 'symlink') parts.push(latin(node.target))
    if (node.kind === 'character-device' || node.kind === 'block-device') {
      parts.push(`${(1n << 8n) | (BigInt(node.minor) & 0xffn) | ((BigInt(node.minor) & ~0xffn) << 12n)}`)
    }
    described.set(latin(path), parts.join(' | '))
  })
  return described
}

/** Linux keeps attributes in the `user` namespace for files and directories only. */
export function canHaveXattrs({ kind }: AnyNode): boolean {
  return kind === 'file' || kind === 'directory'
}
