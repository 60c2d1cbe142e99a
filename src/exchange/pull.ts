import { TidemarkError, isTidemarkError } from '../errors.ts'
import {
  cellLength,
  cellsFor,
  estimate,
  general,
  idLength,
  peel,
  probe,
  sketchKey,
  sketchOfCells,
  type Ids,
  type Profile,
  type Sketch,
  type SketchKey,
} from '../reconcile/index.ts'
import { leadsTo, none, type Difference, type Way } from './difference.ts'
import type { LocalSet } from './local-set.ts'
import type { Opening, RemoteSet } from './remote-set.ts'
import { differingIds } from './sorted.ts'

export interface PullOptions {
  readonly profile?: Profile
  /**
   * Who chooses the salt. 'fresh' (when left out): this side, at random, which makes the other side pass over its
   * set, and gives nobody a chance to prepare items against it. 'epoch': the other side, whose sketch is ready.
   */
  readonly salt?: 'fresh' | 'epoch'
  /** Cells of the first request. 122, which with the header fill a packet or two, when left out. */
  readonly firstCells?: number
  /** Whether to fetch the items that were added, and so to prove the difference. True when left out. */
  readonly items?: boolean
  /** Fetches items by their ids from elsewhere: a sketch file has none. */
  readonly fetchItems?: (key: SketchKey, ids: Ids) => Promise<(Uint8Array | undefined)[]>
  /** SHA-256 of an item's bytes, to check what came. The built-in one when left out. */
  readonly digest?: (bytes: Uint8Array) => Uint8Array
  /** Most bytes to take in of the list of ids, and of the items; beyond: `limit`. 256 MiB when left out. */
  readonly maxBytes?: number
}

export const defaultMaxBytes: number = 2 ** 28

/** How often all is begun again, under a fresh salt, because the remote set changed or nothing fitted its root. */
const attempts = 3

/** 100 KB: beyond this a round trip costs less than the cells it saves. */
const manyCells = 8192

/** How often more cells are asked for before the list of ids is. */
const rounds = 5

/**
 * Learns what separates `local` from `remote`: one request when they are equal or differ little, one more for
 * the cells of a larger difference, one for the items.
 *
 * The ladder: equal roots; the first cells; more cells, a few times; the sorted ids; all once more under a fresh
 * salt. What a rung yields is believed only when it leads from the local root to the remote one. So the answer is
 * right or there is an error: `conflict` when the remote set keeps changing or contradicts itself, `limit` when a
 * sketch file has too few cells.
 */
export async function pull(
  local: LocalSet,
  remote: RemoteSet,
  options: PullOptions = {},
): Promise<Difference> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Pull(local, remote, attempt > 1 ? { ...options, salt: 'fresh' } : options).run()
    } catch (error) {
      if (attempt === attempts || !isTidemarkError(error, 'conflict')) throw error
    }
  }
}

class Pull {
  readonly #local: LocalSet
  readonly #remote: RemoteSet
  readonly #options: PullOptions

  constructor(local: LocalSet, remote: RemoteSet, options: PullOptions) {
    this.#local = local
    this.#remote = remote
    this.#options = options
  }

  async run(): Promise<Difference> {
    const { salt = 'fresh', firstCells = 122, profile = general } = this.#options
    const opening = await this.#remote.open(this.#local.root, {
      profile,
      cells: firstCells,
      ...(salt === 'fresh' ? { salt: crypto.getRandomValues(new Uint8Array(16)) } : {}),
    })
    if (opening === 'equal') return none(this.#local.root, this.#remote.cost)
    const key = sketchKey(opening.header.salt)
    return (await this.#bySketch(opening, key)) ?? (await this.#byIds(opening, key))
  }

  /** By cells, as many as the estimate tells; undefined when that does not succeed or does not pay. */
  async #bySketch(opening: Opening, key: SketchKey): Promise<Difference | undefined> {
    const { header } = opening
    let { cells } = opening
    for (let round = 0; round < rounds; round++) {
      const size = cells.length / cellLength
      const difference = await this.#less(key, sketchOfCells(header, cells))
      const ids = peel(difference)
      if (ids !== undefined) return await this.#believe(opening, key, ids, 'sketch')
      const wanted = await this.#wanted(opening, key, difference)
      if (wanted === undefined) return undefined
      cells = joined(cells, await this.#remote.cells(opening, size, wanted))
    }
    return undefined
  }

  async #less(key: SketchKey, theirs: Sketch): Promise<Sketch> {
    const { size, profile } = theirs
    return theirs.subtract(await this.#local.sketch({ salt: key, size, profile }))
  }

  /** How many cells to go on with; undefined when there are no more, or the list of ids would be shorter. */
  async #wanted(opening: Opening, key: SketchKey, difference: Sketch): Promise<number | undefined> {
    const { root, size, profile } = opening.header
    if (difference.size >= size) return undefined
    let { likely, zeros, saturated } = estimate(difference)
    if (saturated) {
      const ours = probe(await this.#local.sketch({ salt: key, size, profile }))
      ;({ likely } = estimate(difference, { ours, theirs: opening.probe }))
    }
    // The more cells were empty, the better the estimate.
    const margin = saturated ? 1.15 : 1.03 + 0.4 / Math.sqrt(zeros)
    const enough = Math.max(cellsFor(margin * likely, profile), 1.1 * difference.size)
    if (!this.#remote.isFile) {
      // The sketch may end too early, or not be much shorter than the ids of the whole set, which are sure to do.
      const bytes = cellLength * (enough - difference.size)
      if (enough > 1.1 * size || bytes > 0.7 * idLength * root.count) return undefined
    }
    // A probe's guess may be a third off. Where that is much, half of the cells are asked for, which tell precisely.
    return Math.min(size, Math.ceil(saturated && enough > manyCells ? enough / 2 : enough))
  }

  /** By the list of all ids. */
  async #byIds(opening: Opening, key: SketchKey): Promise<Difference> {
    if (this.#remote.isFile) {
      throw new TidemarkError('limit', 'The sets differ by more than this sketch can tell')
    }
    const theirs = await this.#listed(key, idLength * opening.header.root.count)
    const ids = differingIds(theirs, await this.#local.ids(key))
    const difference = await this.#believe(opening, key, ids, 'ids')
    if (difference !== undefined) return difference
    throw new TidemarkError('conflict', 'What the remote set tells of itself does not fit its root')
  }

  /** The list of ids, read no further than the `promised` bytes. */
  async #listed(key: SketchKey, promised: number): Promise<Ids> {
    const { maxBytes = defaultMaxBytes } = this.#options
    if (promised > maxBytes) {
      throw new TidemarkError('limit', `The list of the remote set's ids has more than ${maxBytes} bytes`)
    }
    try {
      return await this.#remote.ids(key.salt, promised)
    } catch (error) {
      if (!isTidemarkError(error, 'limit')) throw error
      throw new TidemarkError('conflict', 'The remote set has more items than it says', { cause: error })
    }
  }

  /** Fetches what a difference needs and checks it against the root; undefined when it does not fit. */
  async #believe(opening: Opening, key: SketchKey, ids: Ids, way: Way): Promise<Difference | undefined> {
    const { root } = opening.header
    const { added: addedIds, removed } = await this.#local.resolve(key, ids)
    if (this.#local.root.count - removed.length + addedIds.length / 2 !== root.count) return undefined
    const added = await this.#fetch(key, addedIds)
    const complete = added.length === addedIds.length / 2
    if (complete && !leadsTo(this.#local, root, removed, added, this.#options.digest)) return undefined
    return { addedIds, added, removed, way, proven: complete, root, key, cost: this.#remote.cost }
  }

  async #fetch(key: SketchKey, ids: Ids): Promise<Uint8Array[]> {
    const { items: wanted = true, maxBytes = defaultMaxBytes, fetchItems } = this.#options
    if (ids.length === 0 || !wanted) return []
    const items =
      fetchItems === undefined
        ? await this.#remote.items(key.salt, ids, maxBytes)
        : await fetchItems(key, ids)
    return items.map((item) => {
      if (item !== undefined) return item
      throw new TidemarkError('conflict', 'The remote set changed during reconciliation')
    })
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
