import { maxDepth, type ContentRef, type Emit } from '../object/content.ts'
import type { Entry } from '../object/entry.ts'
import { LeafBuilder, NodeBuilder, type Leaf, type TreeNodeItem } from '../object/tree.ts'

/** What a directory under construction has of one level: its leaves (level 0) or nodes. */
interface Level {
  /** Lists them in nodes of the level above. */
  readonly builder: NodeBuilder
  total: number
  last: TreeNodeItem
  /** The last one was taken over as it is. */
  taken: boolean
}

/** The content of a directory, and whether its topmost node was taken over from another directory. */
export interface BuiltDirectory {
  readonly content: ContentRef | undefined
  readonly taken: boolean
}

/**
 * Builds a directory from entries, and from leaves and nodes of another one that are taken over unread. What comes
 * has to be in the order of the names. The result is what all entries one by one would give, if what is taken over
 * was built in the same way, and ends where it does not because its directory ended there, or is the last to come.
 */
export class DirectoryBuilder {
  readonly #emit: Emit
  readonly #leaf = new LeafBuilder()
  readonly #levels: Level[] = []

  constructor(emit: Emit) {
    this.#emit = emit
  }

  add(entry: Entry): void {
    this.#build(0, this.#leaf.add(entry))
  }

  /** Whether a piece of `level` can be taken over here: whether nothing of lower levels is half done. */
  mayTake(level: number): boolean {
    return this.#leaf.empty && this.#levels.slice(0, level).every(({ builder }) => builder.empty)
  }

  /** Takes a leaf or node over. Call only when {@link mayTake} says so. */
  take(level: number, item: TreeNodeItem): void {
    this.#append(level, item, true)
  }

  finish(): BuiltDirectory {
    this.#build(0, this.#leaf.finish())
    for (let level = 0; level < this.#levels.length; level++) {
      const { total, last, taken, builder } = this.#levels[level]!
      // A single piece, and nothing above it, is the whole directory.
      if (total === 1 && level === this.#levels.length - 1)
        return { content: { depth: level, id: last.id }, taken }
      this.#build(level + 1, builder.finish())
    }
    return { content: undefined, taken: false }
  }

  #build(level: number, made: Leaf | undefined): void {
    if (made === undefined) return
    this.#append(level, { id: this.#emit(made.bytes), first: made.first, count: made.count }, false)
  }

  #append(level: number, item: TreeNodeItem, taken: boolean): void {
    if (level > maxDepth) throw new RangeError('directory too large')
    for (let next = this.#levels.length; next <= level; next++)
      this.#levels.push({ builder: new NodeBuilder(next + 1), total: 0, last: item, taken })
    const at = this.#levels[level]!
    at.total++
    at.last = item
    at.taken = taken
    this.#build(level + 1, at.builder.add(item))
  }
}
