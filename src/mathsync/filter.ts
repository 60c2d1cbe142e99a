import { TidemarkError } from '../errors.ts'
import { equalBytes } from '../bytes/compare.ts'
import { toBase64 } from './base64.ts'
import { emptyCell, isEmpty, joined, withItem, type Cell } from './cell.ts'
import { defaultScheme, type Scheme } from './scheme.ts'
import { compareItems, type Changes, type Summary } from './summary.ts'

/**
 * mathsync's invertible Bloom filter: an item is added to the cells that the selector names, as often as it names
 * them. (Twice in one cell adds two to the count and nothing to the XOR: an old flaw that the format keeps.)
 */
export class Filter implements Summary {
  readonly cells: readonly Cell[]
  readonly #scheme: Scheme

  constructor(cells: readonly Cell[], scheme: Scheme = defaultScheme) {
    this.cells = cells
    this.#scheme = scheme
  }

  static empty(size: number, scheme: Scheme = defaultScheme): Filter {
    return new Filter(
      Array.from({ length: size }, () => emptyCell),
      scheme,
    )
  }

  plus(...items: readonly Uint8Array[]): Filter {
    return this.plusMany(items)
  }

  plusMany(items: Iterable<Uint8Array>): Filter {
    return this.#with(items, 1)
  }

  minus(...items: readonly Uint8Array[]): Filter {
    return this.minusMany(items)
  }

  minusMany(items: Iterable<Uint8Array>): Filter {
    return this.#with(items, -1)
  }

  #with(items: Iterable<Uint8Array>, sign: 1 | -1): Filter {
    const cells = [...this.cells]
    for (const item of items) modify(cells, this.#scheme, item, sign)
    return new Filter(cells, this.#scheme)
  }

  merge(other: Summary): Filter {
    if (!(other instanceof Filter) || other.cells.length !== this.cells.length) {
      throw new TidemarkError('usage', 'Only filters of one size can be merged')
    }
    return new Filter(
      this.cells.map((cell, at) => joined(cell, other.cells[at]!)),
      this.#scheme,
    )
  }

  /**
   * Scans the cells in order for ones that hold a single item, takes each out of all its cells, and scans again.
   * A cell counts as single when some length of its content has its hash and, beyond what mathsync asked, when
   * the item belongs in that cell: without that, one item in a foreign place is found for ever. The number of
   * items is bounded by that of the cells, and the work on the way by `workLimit`.
   */
  toDifference(): Changes | undefined {
    const cells = [...this.cells]
    const added: Uint8Array[] = []
    const removed: Uint8Array[] = []
    const work = { left: workLimit }
    for (let found = true; found;) {
      found = false
      spend(work, cells.length)
      for (let at = 0; at < cells.length; at++) {
        const { count } = cells[at]!
        const item = count === 1 || count === -1 ? this.#singleItem(cells[at]!, at, work) : undefined
        if (item === undefined) continue
        if (added.length + removed.length === cells.length) return undefined
        ;(count === 1 ? added : removed).push(item)
        modify(cells, this.#scheme, item, -count)
        found = true
      }
    }
    if (!cells.every(isEmpty)) return undefined
    return { added: added.toSorted(compareItems), removed: removed.toSorted(compareItems) }
  }

  /** The item of a cell that holds one alone. Its end is unknown: zeros may be its own or those of others. */
  #singleItem(cell: Cell, at: number, work: { left: number }): Uint8Array | undefined {
    const { digest, selector } = this.#scheme
    for (let length = cell.xor.length; length >= 0; length--) {
      const item = cell.xor.subarray(0, length)
      work.left -= length + 64
      if (work.left < 0) {
        throw new TidemarkError(
          'limit',
          `Decoding this summary takes more than ${workLimit} bytes of hashing`,
        )
      }
      if (equalBytes(digest(item), cell.hash)) {
        return selector(item, this.cells.length).includes(at) ? new Uint8Array(item) : undefined
      }
      if (length > 0 && cell.xor[length - 1] !== 0) return undefined
    }
    return undefined
  }

  toJSON(): [number, string, string][] {
    return this.cells.map(({ count, xor, hash }) => [count, toBase64(xor), toBase64(hash)])
  }
}

/** Bytes hashed and cells looked at in one decoding: a second or two, and far beyond any honest summary. */
const workLimit = 2 ** 27

function spend(work: { left: number }, cost: number): void {
  work.left -= cost
  if (work.left < 0) throw new TidemarkError('limit', 'Decoding this summary takes too much work')
}

function modify(cells: Cell[], { digest, selector }: Scheme, item: Uint8Array, times: number): void {
  const hash = digest(item)
  for (const at of selector(item, cells.length)) cells[at] = withItem(cells[at]!, times, item, hash)
}
