import { checkOf, digestWords, identify } from './identify.ts'
import type { SketchKey } from './key.ts'
import { roundWord } from './mapping.ts'
import { golden, mix } from './mix.ts'
import { headCells, headLog, slotMultipliers, type Profile, type ProfileClass } from './profile.ts'

/** Words of a cell: id (lo, hi) and check. */
export const cellWords = 3

/**
 * Adds the items of `digests` to `cells`, both as little-endian words. Every kernel yields the same cells, bit
 * for bit.
 */
export type Kernel = (key: SketchKey, profile: Profile, digests: Int32Array, cells: Int32Array) => void

/** Items that are worked on together: their ids, checks and pending hits stay in the first-level cache. */
const batchItems = 512

/**
 * Adds (which is also: takes away) the items of `digests`, given as little-endian words, to `cells`.
 *
 * The same cells as one by one through `cellsOf`, arranged for speed: items of a class are gathered, each
 * block is done for the whole batch, hits are written to a list by additions instead of branches (whether an
 * item hits is a coin toss that no processor predicts), and only then the cells are touched.
 */
export function absorb(key: SketchKey, profile: Profile, digests: Int32Array, cells: Int32Array): void {
  const batches = profile.classes.map((members) => new Batch(members, cells))
  const ids = new Int32Array(2 * batchItems)
  const items = digests.length / digestWords
  for (let first = 0; first < items; first += batchItems) {
    const count = Math.min(batchItems, items - first)
    identify(key, digests, first, count, ids)
    absorbIds(key, profile, ids, count, batches)
  }
  for (const batch of batches) batch.flush()
}

function absorbIds(
  key: SketchKey,
  profile: Profile,
  ids: Int32Array,
  count: number,
  batches: readonly Batch[],
): void {
  const last = profile.classes.length - 1
  for (let i = 0; i < count; i++) {
    const lo = ids[2 * i]!
    const hi = ids[2 * i + 1]!
    const word = roundWord(lo, 31) & 0xffff
    let at = 0
    while (at < last && word >= profile.classes[at]!.below) at++
    batches[at]!.push(lo, hi, checkOf(key, lo, hi))
  }
}

/** Items of one class on their way into the cells. */
class Batch {
  readonly #head: Int32Array
  readonly #slots: Int32Array
  readonly #cells: Int32Array
  readonly #lo = new Int32Array(batchItems)
  readonly #hi = new Int32Array(batchItems)
  readonly #check = new Int32Array(batchItems)
  readonly #hitCells: Int32Array
  readonly #hitItems: Int32Array
  readonly #sums = new Int32Array(4 * cellWords)
  #count = 0

  constructor(members: ProfileClass, cells: Int32Array) {
    this.#head = Int32Array.from(members.head)
    this.#slots = Int32Array.from(members.slots)
    this.#cells = cells
    this.#hitCells = new Int32Array(batchItems * members.slots.length + 1)
    this.#hitItems = new Int32Array(batchItems * members.slots.length + 1)
  }

  push(lo: number, hi: number, check: number): void {
    const at = this.#count
    this.#lo[at] = lo
    this.#hi[at] = hi
    this.#check[at] = check
    this.#count = at + 1
    if (this.#count === batchItems) this.flush()
  }

  flush(): void {
    const size = this.#cells.length / cellWords
    for (let cell = 0; cell < headCells && cell < size; cell += 4) this.#fillHead(cell)
    for (let k = headLog; 1 << k < size; k++) this.#scatter(this.#findHits(k, size))
    this.#count = 0
  }

  /** XORs into four cells of the head all items that lie in each; a comparison becomes a mask of all bits. */
  #fillHead(first: number): void {
    const los = this.#lo
    const his = this.#hi
    const checks = this.#check
    const count = this.#count
    const head = this.#head
    const t0 = head[first]!
    const t1 = head[first + 1]!
    const t2 = head[first + 2]!
    const t3 = head[first + 3]!
    const constant = Math.imul(first >>> 2, golden)
    const sums = this.#sums.fill(0)
    let lo0 = 0
    let lo1 = 0
    let lo2 = 0
    let lo3 = 0
    let hi0 = 0
    let hi1 = 0
    let hi2 = 0
    let hi3 = 0
    let check0 = 0
    let check1 = 0
    let check2 = 0
    let check3 = 0
    for (let i = 0; i < count; i++) {
      const lo = los[i]!
      const hi = his[i]!
      const check = checks[i]!
      const v = mix(hi ^ mix(lo ^ constant))
      const mask0 = ((v & 0xff) - t0) >> 31
      const mask1 = (((v >>> 8) & 0xff) - t1) >> 31
      const mask2 = (((v >>> 16) & 0xff) - t2) >> 31
      const mask3 = ((v >>> 24) - t3) >> 31
      lo0 ^= lo & mask0
      hi0 ^= hi & mask0
      check0 ^= check & mask0
      lo1 ^= lo & mask1
      hi1 ^= hi & mask1
      check1 ^= check & mask1
      lo2 ^= lo & mask2
      hi2 ^= hi & mask2
      check2 ^= check & mask2
      lo3 ^= lo & mask3
      hi3 ^= hi & mask3
      check3 ^= check & mask3
    }
    sums.set([lo0, hi0, check0, lo1, hi1, check1, lo2, hi2, check2, lo3, hi3, check3])
    const start = first * cellWords
    const end = Math.min(start + 4 * cellWords, this.#cells.length)
    for (let at = start; at < end; at++) this.#cells[at] = this.#cells[at]! ^ sums[at - start]!
  }

  /** Lists the hits of block k; returns how many. */
  #findHits(k: number, size: number): number {
    const los = this.#lo
    const his = this.#hi
    const slots = this.#slots
    const hitCells = this.#hitCells
    const hitItems = this.#hitItems
    const count = this.#count
    const constant = Math.imul(k, golden)
    const start = 1 << k
    const shift = 32 - k
    // The first three slots are likely enough to be tried without asking; the rest are rare in every class
    // that is common.
    const likely = Math.min(3, slots.length)
    const t0 = slots[0]!
    const t1 = likely > 1 ? slots[1]! : 0
    const t2 = likely > 2 ? slots[2]! : 0
    const m1 = slotMultipliers[1]!
    const m2 = slotMultipliers[2]!
    let found = 0
    for (let i = 0; i < count; i++) {
      const w = mix(los[i]! ^ constant)
      const v = mix(his[i]! ^ w)
      const level = w & 0xffff
      const c0 = start + (v >>> shift)
      hitCells[found] = c0
      hitItems[found] = i
      found += ((level - t0) & (c0 - size)) >>> 31
      const c1 = start + (Math.imul(v, m1) >>> shift)
      hitCells[found] = c1
      hitItems[found] = i
      found += ((level - t1) & (c1 - size)) >>> 31
      const c2 = start + (Math.imul(v, m2) >>> shift)
      hitCells[found] = c2
      hitItems[found] = i
      found += ((level - t2) & (c2 - size)) >>> 31
      for (let slot = 3; slot < slots.length && level < slots[slot]!; slot++) {
        const cell = start + (Math.imul(v, slotMultipliers[slot]!) >>> shift)
        if (cell >= size) continue
        hitCells[found] = cell
        hitItems[found] = i
        found++
      }
    }
    return found
  }

  #scatter(hits: number): void {
    const cells = this.#cells
    for (let hit = 0; hit < hits; hit++) {
      const item = this.#hitItems[hit]!
      const at = this.#hitCells[hit]! * cellWords
      cells[at] = cells[at]! ^ this.#lo[item]!
      cells[at + 1] = cells[at + 1]! ^ this.#hi[item]!
      cells[at + 2] = cells[at + 2]! ^ this.#check[item]!
    }
  }
}
