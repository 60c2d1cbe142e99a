import type { Name } from '../../bytes/name.ts'
import type { ContentRef, Emit } from '../../object/content.ts'
import { addSizes } from '../../object/entry.ts'
import type { Entry } from '../../object/entry.ts'
import { buildNodes, decodeLeaf, LeafBuilder } from '../../object/tree.ts'
import type { Leaf, TreeNodeItem } from '../../object/tree.ts'
import type { StateLeaf } from '../state.ts'

/** What a directory's entry says of everything below it. */
export interface Below {
  readonly content: ContentRef | undefined
  /** Bytes of all files below, and the number of entries. */
  readonly size: number
  readonly count: number
}

/** One name of a directory on its way into the tree. */
export interface Slot {
  /** Undefined while its content is being read, and for good when the file has vanished meanwhile. */
  entry: Entry | undefined
  readonly ino: bigint
  ctimeNs: bigint
  /** Its entry is the very one of the last snapshot. */
  same: boolean
}

/** Some successive names: those of one leaf of the last snapshot, or of a window over new ones. */
export interface Group {
  /** A number stands for that entry of the leaf, just as it was: nearly all are, and need no object then. */
  readonly slots: readonly (Slot | number)[]
  /** Of the entries that are just as they were: bytes of the files, and how many there are with all below. */
  size: number
  count: number
  /** How many slots still wait for their content. */
  waiting: number
  /** The leaf that covered these names. */
  readonly leaf: StateLeaf | undefined
  /** The names are those of the leaf, no more and no fewer. */
  sameNames: boolean
}

/** Where the leaves of an assembly are remembered. */
export interface LeafRecord {
  put(directory: Name, leaf: StateLeaf): void
  delete(directory: Name, first: Name): void
}

/**
 * Puts the tree of one directory together. Groups come in the order of their names, and may be completed in
 * any order; leaves are built as soon as the groups before them are complete. A leaf of the last snapshot
 * whose names and entries are all the same is taken over without being encoded or hashed again.
 */
export class Assembly {
  readonly #path: Name
  readonly #emit: Emit
  readonly #record: LeafRecord
  readonly #builder = new LeafBuilder()
  readonly #leaves: TreeNodeItem[] = []
  readonly #groups: Group[] = []
  #stats: bigint[] = []
  #size = 0
  #count = 0
  /** Every leaf so far has been taken over. */
  #unchanged = true

  constructor(path: Name, emit: Emit, record: LeafRecord) {
    this.#path = path
    this.#emit = emit
    this.#record = record
  }

  /** Appends a group. */
  add(group: Group): void {
    this.#groups.push(group)
    this.advance()
  }

  /** Call whenever a group may have become complete. */
  advance(): void {
    while (this.#groups[0]?.waiting === 0) this.#take(this.#groups.shift()!)
  }

  /** True when all groups added so far are complete. */
  get idle(): boolean {
    return this.#groups.length === 0
  }

  #take(group: Group): void {
    const { slots, leaf } = group
    this.#count += group.count
    this.#size = addSizes(this.#size, group.size)
    for (const slot of slots) if (typeof slot === 'object') this.#addUp(slot.entry)
    const same = group.sameNames && slots.every((slot) => typeof slot === 'number' || slot.same)
    if (leaf && same && this.#builder.empty) {
      this.#leaves.push({ id: leaf.id, first: leaf.first, count: slots.length })
      this.#noteTimes(leaf, slots)
      return
    }
    this.#unchanged = false
    if (leaf) this.#record.delete(this.#path, leaf.first)
    const before = slots.some((slot) => typeof slot === 'number') ? decodeLeaf(leaf!.bytes) : []
    for (const slot of slots) {
      const entry = typeof slot === 'number' ? before[slot]! : slot.entry
      if (entry === undefined) continue
      if (typeof slot === 'object') this.#stats.push(slot.ino, slot.ctimeNs)
      else this.#stats.push(leaf!.stats[2 * slot]!, leaf!.stats[2 * slot + 1]!)
      this.#build(this.#builder.add(entry))
    }
  }

  #addUp(entry: Entry | undefined): void {
    if (entry === undefined) return
    this.#count += 1 + (entry.kind === 'directory' ? entry.count : 0)
    if (entry.kind === 'directory' || entry.kind === 'file') this.#size = addSizes(this.#size, entry.size)
  }

  /** The entries are the same, but what they are recognised by may not be. */
  #noteTimes(leaf: StateLeaf, slots: Group['slots']): void {
    const differ = (slot: Slot | number, n: number): boolean =>
      typeof slot === 'object' && (slot.ino !== leaf.stats[2 * n] || slot.ctimeNs !== leaf.stats[2 * n + 1])
    if (!slots.some(differ)) return
    const stats = new BigInt64Array(slots.flatMap((slot) => statsOf(slot, leaf)))
    this.#record.put(this.#path, { ...leaf, stats })
  }

  #build(leaf: Leaf | undefined): void {
    if (leaf === undefined) return
    const id = this.#emit(leaf.bytes)
    this.#leaves.push({ id, first: leaf.first, count: leaf.count })
    const stats = new BigInt64Array(this.#stats)
    this.#record.put(this.#path, { first: leaf.first, id, bytes: leaf.bytes, stats })
    this.#stats = []
  }

  /**
   * Completes the directory, all of whose groups are complete. `before` is what the last snapshot says of
   * it: returned as it is when nothing has changed.
   */
  finish(before: Below | undefined): Below {
    this.#build(this.#builder.finish())
    if (this.#unchanged && before !== undefined && this.#count === before.count) return before
    return { content: buildNodes(this.#leaves, this.#emit), size: this.#size, count: this.#count }
  }
}

function statsOf(slot: Slot | number, leaf: StateLeaf | undefined): [ino: bigint, ctimeNs: bigint] {
  if (typeof slot === 'object') return [slot.ino, slot.ctimeNs]
  return [leaf!.stats[2 * slot]!, leaf!.stats[2 * slot + 1]!]
}
