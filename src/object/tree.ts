import { compareNames, isAscii, nameToBytes } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { maxDepth } from './content.ts'
import type { ContentRef, Emit } from './content.ts'
import type { Entry } from './entry.ts'
import { decodeEntry, encodeEntry, isSafeName, maxName } from './entry-codec.ts'
import { readId, writeId } from './id.ts'
import type { Id } from './id.ts'

/**
 * A directory is content too: its entries in ascending byte order of their names, cut into leaves; above
 * them nodes that list leaves or lower nodes. Cuts depend on names only, so one changed entry changes one
 * leaf and the nodes above it, and two directories are compared by skipping the nodes they share.
 */
const leafMark = 0x21
const nodeMark = 0x22

/** A leaf or node ends after an entry whose name hashes to 0 modulo this, or once it has this many bytes. */
const averageCount = 128
export const fullSize = 65_536

/** One line of a node: a leaf or lower node, and what is below it. */
export interface TreeNodeItem {
  readonly id: Id
  /** The first name below. */
  readonly first: Name
  /** Entries of the directory below it. */
  readonly count: number
}

/** A leaf under construction or just read: its bytes and what a node says of it. */
export interface Leaf {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly first: Name
  readonly count: number
}

/** A node under construction, in the same way. */
export type TreeNode = Leaf

/** FNV-1a over the bytes of the name, finished by the mixer of MurmurHash3. */
function hashName(name: Name): number {
  let hash = 0x811c9dc5
  if (isAscii(name))
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  else for (const byte of nameToBytes(name)) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Cuts a directory's entries, added in ascending order of their names, into leaves. */
export class LeafBuilder {
  readonly #writer = new Writer(1024)
  #first: Name = ''
  #count = 0

  /** True between two leaves: whatever comes next begins a new one. */
  get empty(): boolean {
    return this.#count === 0
  }

  /** Adds an entry; returns the leaf that it completes, if it does. */
  add(entry: Entry): Leaf | undefined {
    if (this.#count === 0) {
      this.#writer.reset()
      this.#writer.u8(leafMark)
      this.#first = entry.name
    }
    encodeEntry(this.#writer, entry)
    this.#count++
    const cut = this.#writer.length >= fullSize || hashName(entry.name) % averageCount === 0
    return cut ? this.finish() : undefined
  }

  /** The last leaf, which ends because the directory does; undefined when there is nothing in it. */
  finish(): Leaf | undefined {
    if (this.#count === 0) return undefined
    const leaf = { bytes: this.#writer.finish(), first: this.#first, count: this.#count }
    this.#count = 0
    return leaf
  }
}

/** All leaves of a directory whose entries come in ascending order of their names. */
export function* buildLeaves(entries: Iterable<Entry>): Generator<Leaf> {
  const builder = new LeafBuilder()
  for (const entry of entries) {
    const leaf = builder.add(entry)
    if (leaf) yield leaf
  }
  const last = builder.finish()
  if (last) yield last
}

/** Builds the nodes over the leaves of one directory; undefined for an empty one. */
export function buildNodes(leaves: readonly TreeNodeItem[], emit: Emit): ContentRef | undefined {
  if (leaves.length === 0) return undefined
  let level = 0
  let current = leaves
  while (current.length > 1) {
    level++
    if (level > maxDepth) throw new RangeError('directory too large')
    current = buildLevel(current, level, emit)
  }
  return { depth: level, id: current[0]!.id }
}

function buildLevel(items: readonly TreeNodeItem[], level: number, emit: Emit): TreeNodeItem[] {
  const builder = new NodeBuilder(level)
  const nodes: TreeNodeItem[] = []
  const build = (node: TreeNode | undefined): void => {
    if (node) nodes.push({ id: emit(node.bytes), first: node.first, count: node.count })
  }
  for (const item of items) build(builder.add(item))
  build(builder.finish())
  return nodes
}

/** Cuts the lines of one level, added in the order of their names, into nodes. */
export class NodeBuilder {
  readonly #level: number
  readonly #writer = new Writer(1024)
  #first: Name = ''
  #count = 0
  #lines = 0

  constructor(level: number) {
    this.#level = level
  }

  /** True between two nodes: whatever comes next begins a new one. */
  get empty(): boolean {
    return this.#lines === 0
  }

  /** Adds a line; returns the node that it completes, if it does. */
  add(item: TreeNodeItem): TreeNode | undefined {
    const writer = this.#writer
    if (this.#lines === 0) {
      writer.reset()
      writer.u8(nodeMark).u8(this.#level)
      this.#first = item.first
    }
    writeId(writer, item.id)
    writer.varint(item.count).prefixed(nameToBytes(item.first))
    this.#count += item.count
    this.#lines++
    // At least two lines a node, so that every level is at most half of the one below.
    const cut = this.#lines > 1 && (writer.length >= fullSize || item.id.charCodeAt(0) % averageCount === 0)
    return cut ? this.finish() : undefined
  }

  /** The last node, which ends because the level does; undefined when there is nothing in it. */
  finish(): TreeNode | undefined {
    if (this.#lines === 0) return undefined
    const node = { bytes: this.#writer.finish(), first: this.#first, count: this.#count }
    this.#count = 0
    this.#lines = 0
    return node
  }
}

/** The entries of a leaf, in order. Throws `corrupt`, also for names out of order or twice. */
export function decodeLeaf(bytes: Uint8Array): Entry[] {
  const reader = beginLeaf(bytes)
  const entries: Entry[] = []
  let previous: Name | undefined
  while (reader.remaining > 0) {
    checkLeafSize(reader)
    const entry = decodeEntry(reader)
    if (previous !== undefined && compareNames(previous, entry.name) >= 0)
      throw reader.fail('names out of order')
    previous = entry.name
    entries.push(entry)
  }
  if (entries.length === 0) throw reader.fail('empty leaf')
  return entries
}

/** A reader of a leaf that stands before its first entry. */
export function beginLeaf(bytes: Uint8Array): Reader {
  const reader = new Reader(bytes, 'tree')
  if (reader.u8() !== leafMark) throw reader.fail('not a leaf of a tree')
  return reader
}

/** Throws when the leaf ought to have ended before the entry that `reader` stands at. */
export function checkLeafSize(reader: Reader): void {
  if (reader.offset >= fullSize) throw reader.fail('leaf too long')
}

/** The lines of a node, which must be of `level`. Throws `corrupt`. */
export function decodeNode(bytes: Uint8Array, level: number): TreeNodeItem[] {
  const reader = new Reader(bytes, 'tree node')
  if (reader.u8() !== nodeMark) throw reader.fail('not a node of a tree')
  if (reader.u8() !== level) throw reader.fail(`not a node of level ${level}`)
  const items: TreeNodeItem[] = []
  while (reader.remaining > 0) {
    if (reader.offset >= fullSize) throw reader.fail('node too long')
    const id = readId(reader)
    const count = reader.varint()
    const first = reader.name(maxName)
    const previous = items.at(-1)
    if (count === 0 || !isSafeName(first)) throw reader.fail('bad line')
    if (previous && compareNames(previous.first, first) >= 0) throw reader.fail('names out of order')
    items.push({ id, first, count })
  }
  if (items.length === 0) throw reader.fail('empty node')
  return items
}
