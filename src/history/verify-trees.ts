import { compareNames } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import { isTidemarkError } from '../errors.ts'
import { decodeList } from '../object/content.ts'
import { addSizes } from '../object/entry.ts'
import type { DirectoryEntry, FileEntry } from '../object/entry.ts'
import { idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'
import { decodeLeaf, decodeNode } from '../object/tree.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { ChunkIndex } from '../store/repository/chunk-index.ts'
import type { Marks } from '../store/repository/marks.ts'
import type { Piece } from '../store/repository/reachable.ts'
import type { Store } from '../store/store.ts'
import type { Findings } from './finding.ts'

/** What a piece of a directory says of itself. */
interface DirectoryPart {
  readonly first: Name
  readonly last: Name
  /** Entries in it, without what is below them. */
  readonly entries: number
  /** Entries in it and below; bytes of files. */
  readonly count: number
  readonly size: number
}

export interface TreeCheckOptions extends CallOptions {
  /** False: the trees alone, of snapshots whose contents are not kept. */
  readonly contents?: boolean | undefined
}

/**
 * Checks trees and lists: that each can be had and decoded, that the index knows every chunk of every file
 * with its right length, and that sizes and counts add up. Each is checked once, however many snapshots
 * share it; of a directory that is met with different sizes and counts only those met first are checked.
 */
export class TreeCheck {
  readonly #store: Pick<Store, 'get'>
  readonly #index: ChunkIndex
  readonly #marks: Marks
  readonly #findings: Findings
  readonly #options: TreeCheckOptions | undefined
  readonly #waiting: DirectoryEntry[] = []
  /** Roots, parts of large directories and of long lists, which many snapshots or versions share. */
  readonly #parts = new Map<Id, DirectoryPart | undefined>()
  readonly #lengths = new Map<Id, number | undefined>()

  /** `marks` are on `index`; what is reached is entered there. */
  constructor(
    store: Pick<Store, 'get'>,
    index: ChunkIndex,
    marks: Marks,
    findings: Findings,
    options?: TreeCheckOptions,
  ) {
    this.#store = store
    this.#index = index
    this.#marks = marks
    this.#findings = findings
    this.#options = options
  }

  async check(root: DirectoryEntry): Promise<void> {
    if (root.content !== undefined) {
      const { id, depth } = root.content
      this.#compare(root, id, await this.#sharedPart({ kind: 'tree', level: depth, id }))
    }
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) {
      const { content } = next
      if (content === undefined || !this.#enter(content.id)) continue
      const part = await this.#readPart({ kind: 'tree', level: content.depth, id: content.id })
      this.#compare(next, content.id, part)
    }
  }

  #compare({ count, size }: DirectoryEntry, id: Id, part: DirectoryPart | undefined): void {
    if (part === undefined || (part.count === count && part.size === size)) return
    this.#findings.add(
      'totals-differ',
      `chunk ${idToHex(id)}`,
      `a directory of ${part.count} entries and ${part.size} bytes is said to have ${count} and ${size}`,
    )
  }

  /** False when it was met before, or is not there at all. */
  #enter(id: Id): boolean {
    const entered = this.#marks.enter(id)
    if (entered === undefined) this.#miss(id)
    return entered === true
  }

  #miss(id: Id): void {
    this.#findings.loseChunk(id, 'chunk-missing', 'a snapshot needs it, and the index does not know it')
  }

  /** Undefined when it, or a part of it, is damaged. */
  async #readPart(piece: Piece): Promise<DirectoryPart | undefined> {
    if (piece.level > 0) return this.#read(piece.id, (bytes) => this.#readNode(bytes, piece.level))
    return this.#read(piece.id, async (bytes) => {
      const entries = decodeLeaf(bytes)
      let [count, size] = [entries.length, 0]
      for (const entry of entries) {
        if (entry.kind === 'directory') {
          this.#waiting.push(entry)
          count += entry.count
          size = addSizes(size, entry.size)
        } else if (entry.kind === 'file') {
          await this.#checkFile(entry)
          size = addSizes(size, entry.size)
        }
      }
      return { first: entries[0]!.name, last: entries.at(-1)!.name, entries: entries.length, count, size }
    })
  }

  /** What is remembered of a part, or it is read. */
  async #sharedPart(piece: Piece): Promise<DirectoryPart | undefined> {
    const { id } = piece
    if (!this.#parts.has(id)) {
      this.#enter(id)
      this.#parts.set(id, await this.#readPart(piece))
    }
    return this.#parts.get(id)
  }

  async #readNode(bytes: Uint8Array, level: number): Promise<DirectoryPart | undefined> {
    const parts: DirectoryPart[] = []
    const lines = decodeNode(bytes, level)
    for (const { id, first, count } of lines) {
      const part = await this.#sharedPart({ kind: 'tree', level: level - 1, id })
      if (part === undefined) continue
      const before = parts.at(-1)
      const ordered = before === undefined || compareNames(before.last, part.first) < 0
      if (part.first !== first || part.entries !== count || !ordered) {
        this.#findings.loseChunk(id, 'tree-damaged', 'the node above it says other of it, or of its place')
        return undefined
      }
      parts.push(part)
    }
    if (parts.length < lines.length) return undefined
    const sum = (of: (part: DirectoryPart) => number): number =>
      parts.reduce((total, part) => total + of(part), 0)
    return {
      first: parts[0]!.first,
      last: parts.at(-1)!.last,
      entries: sum(({ entries }) => entries),
      count: sum(({ count }) => count),
      size: parts.reduce((total, { size }) => addSizes(total, size), 0),
    }
  }

  async #checkFile({ content, size }: FileEntry): Promise<void> {
    if (content === undefined || this.#options?.contents === false) return
    const { depth, id } = content
    if (depth === 0) return this.#checkData(id, size)
    const length = await this.#listLength({ kind: 'list', level: depth, id })
    if (length === undefined || length === size) return
    const message = `a file's list of ${length} bytes is said to have ${size}`
    this.#findings.add('totals-differ', `chunk ${idToHex(id)}`, message)
  }

  async #listLength(piece: Piece): Promise<number | undefined> {
    const { id, level } = piece
    if (this.#lengths.has(id)) return this.#lengths.get(id)
    this.#enter(id)
    const length = await this.#read(id, async (bytes) => {
      let total: number | undefined = 0
      for (const item of decodeList(bytes, level)) {
        if (item.id !== undefined && level === 1) this.#checkData(item.id, item.length)
        if (item.id !== undefined && level > 1) {
          const below = await this.#listLength({ kind: 'list', level: level - 1, id: item.id })
          if (below !== undefined && below !== item.length)
            this.#findings.loseChunk(item.id, 'tree-damaged', 'the list above it says another length of it')
          if (below !== item.length) total = undefined
        }
        if (total !== undefined) total += item.length
      }
      return total
    })
    this.#lengths.set(id, length)
    return length
  }

  #checkData(id: Id, length: number): void {
    const found = this.#marks.find(id)
    if (found === undefined) return this.#miss(id)
    this.#marks.use(id)
    if (found.record.length === length) return
    const message = `a file needs ${length} bytes of it, it has ${found.record.length}`
    this.#findings.loseChunk(id, 'totals-differ', message)
  }

  /** What `decode` makes of a chunk; undefined, with a finding, when it is not there or no good. */
  async #read<T>(id: Id, decode: (bytes: Uint8Array) => Promise<T>): Promise<T | undefined> {
    let bytes
    try {
      bytes = await this.#store.get(id, this.#options)
    } catch (error) {
      if (!isTidemarkError(error, 'missing', 'corrupt')) throw error
      if (this.#findings.blame(this.#index, id) === undefined) {
        const code = error.code === 'missing' ? 'chunk-missing' : 'chunk-damaged'
        this.#findings.loseChunk(id, code, error.message)
      }
      return undefined
    }
    try {
      return await decode(bytes)
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt')) throw error
      this.#findings.loseChunk(id, 'tree-damaged', error.message)
      return undefined
    }
  }
}
