import { compareNames, type Name } from '../bytes/name.ts'
import { corrupt } from '../errors.ts'
import type { ContentRef } from '../object/content.ts'
import type { Entry } from '../object/entry.ts'
import { idToHex, type Id } from '../object/id.ts'
import { compareLeaves, type ComparedLeaf } from '../object/leaf-differences.ts'
import { LeafWalk } from '../object/leaf-walk.ts'
import { decodeLeaf, decodeNode } from '../object/tree.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'

/** A leaf (level 0) or node of a directory that has not been read yet. */
export interface TreePiece {
  readonly level: number
  readonly id: Id
  /** The first name below, unknown for a whole directory. */
  readonly first: Name | undefined
  /** What stands after it begins with this name. */
  readonly until: Name | undefined
  /** Entries of the directory below it, as the node above says; unknown for a whole directory. */
  readonly count: number | undefined
  /** Set once it has been asked for ahead of its time; resolves with nothing when it is too much to keep. */
  bytes?: Promise<Uint8Array | undefined>
}

export interface CursorOptions extends CallOptions {
  /** Begin with this name, or the first behind it. */
  readonly from?: Name | undefined
  /** How many leaves are asked for ahead; 0, the default, for those who may skip them. */
  readonly ahead?: number | undefined
}

/** A leaf that has been asked for ahead is kept up to this size; honest ones are hardly ever larger. */
const maxAhead = 1024 * 1024

/**
 * A position in a directory: `entries` from `index` on have been read, `piece` comes after them. Holds one
 * leaf and at most one node a level. Never believes a node: what it says of names is checked on the way.
 */
export class DirectoryCursor {
  entries: readonly Entry[] = []
  index = 0
  readonly #store: Store
  readonly #options: CursorOptions
  /** What is still to be read, the next one last. */
  readonly #pieces: TreePiece[] = []
  /** The leaf that is being gone through. */
  #walked: { readonly piece: TreePiece; readonly leaf: LeafWalk } | undefined

  constructor(store: Store, content: ContentRef | undefined, options: CursorOptions = {}) {
    this.#store = store
    this.#options = options
    if (content)
      this.#pieces.push({
        level: content.depth,
        id: content.id,
        first: undefined,
        until: undefined,
        count: undefined,
      })
  }

  /** The next piece, to be read or skipped once the entries are used up. */
  get piece(): TreePiece | undefined {
    return this.#pieces.at(-1)
  }

  skip(): void {
    this.#pieces.pop()
  }

  /** Reads the next piece: a node is replaced by what it lists, a leaf by its entries. */
  async read(): Promise<void> {
    const piece = this.#pieces.pop()
    if (piece === undefined) return
    const bytes = await this.#bytesOf(piece)
    if (piece.level === 0) this.#readLeaf(piece, bytes)
    else this.#readNode(piece, bytes)
    this.#askAhead()
  }

  /**
   * Another way to go through a directory, in which no entry is decoded: its next leaf, at its first entry; undefined after
   * the last. The one before it must have been gone through.
   */
  async nextLeaf(): Promise<LeafWalk | undefined> {
    if (this.#walked !== undefined) checkNames(this.#walked.piece, this.#walked.leaf)
    this.#walked = undefined
    for (let piece = this.#pieces.pop(); piece !== undefined; piece = this.#pieces.pop()) {
      const bytes = await this.#bytesOf(piece)
      if (piece.level > 0) this.#readNode(piece, bytes)
      this.#askAhead()
      if (piece.level > 0) continue
      const leaf = new LeafWalk(bytes)
      this.#walked = { piece, leaf }
      if (this.#options.from !== undefined) passUntil(leaf, this.#options.from)
      return leaf
    }
    return undefined
  }

  #bytesOf({ id, bytes }: TreePiece): Promise<Uint8Array> {
    const get = (): Promise<Uint8Array> => this.#store.get(id, this.#options)
    return bytes === undefined ? get() : bytes.then((kept) => kept ?? get())
  }

  /**
   * Reads the next pieces of two cursors, which are leaves: then each has the entries that the other has not,
   * byte for byte.
   */
  static async readLeaves(a: DirectoryCursor, b: DirectoryCursor): Promise<void> {
    const [left, right] = [a.#pieces.pop()!, b.#pieces.pop()!]
    const [one, two] = await Promise.all([
      a.#store.get(left.id, a.#options),
      b.#store.get(right.id, b.#options),
    ])
    const [before, after] = compareLeaves(one, two)
    a.#enterLeaf(left, before)
    b.#enterLeaf(right, after)
  }

  #readLeaf(piece: TreePiece, bytes: Uint8Array): void {
    const entries = decodeLeaf(bytes)
    this.#enterLeaf(piece, { first: entries[0]!.name, last: entries.at(-1)!.name, entries })
  }

  #enterLeaf(piece: TreePiece, leaf: ComparedLeaf): void {
    checkNames(piece, leaf)
    const { entries } = leaf
    const { from } = this.#options
    this.entries = entries
    this.index = from === undefined ? 0 : firstFrom(entries, from)
  }

  #readNode({ level, id, first, until }: TreePiece, bytes: Uint8Array): void {
    const items = decodeNode(bytes, level)
    checkNames({ id, first, until }, { first: items[0]!.first, last: items.at(-1)!.first })
    const { from } = this.#options
    for (let i = items.length - 1, next = until; i >= 0; i--) {
      const item = items[i]!
      this.#pieces.push({ level: level - 1, until: next, ...item })
      next = item.first
      // All names before this item are less than its own.
      if (from !== undefined && compareNames(next, from) <= 0) break
    }
  }

  #askAhead(): void {
    const { ahead = 0 } = this.#options
    for (let n = 1; n <= ahead; n++) {
      const piece = this.#pieces.at(-n)
      if (piece?.level !== 0) return
      if (piece.bytes !== undefined) continue
      piece.bytes = this.#store
        .get(piece.id, this.#options)
        .then((bytes) => (bytes.length > maxAhead ? undefined : bytes))
      // Its failure is reported when its turn comes; until then it is nobody's.
      piece.bytes.catch(() => undefined)
    }
  }
}

function checkNames(
  { id, first, until }: Pick<TreePiece, 'id' | 'first' | 'until'>,
  names: { readonly first: Name; readonly last: Name },
): void {
  if (first !== undefined && names.first !== first)
    throw corrupt(`tree ${idToHex(id)}`, 'begins with another name')
  if (until !== undefined && compareNames(names.last, until) >= 0)
    throw corrupt(`tree ${idToHex(id)}`, 'goes beyond the next one')
}

/** Goes on to the first name that is `from` or behind it. */
function passUntil(leaf: LeafWalk, from: Name): void {
  while (leaf.isAtEntry && compareNames(leaf.last, from) < 0) leaf.next()
}

/** Where in `entries` the first name that is `from` or behind it stands. */
function firstFrom(entries: readonly Entry[], from: Name): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareNames(entries[middle]!.name, from) < 0) low = middle + 1
    else high = middle
  }
  return low
}
