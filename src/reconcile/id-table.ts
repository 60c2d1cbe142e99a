import { mix } from './mix.ts'

/**
 * A map from 64-bit ids, as pairs of 32-bit halves, to whole numbers, in three flat arrays: a tenth of what a
 * Map with string keys takes. Open addressing with linear probing; at most half full.
 */
export class IdTable {
  #ids: Int32Array
  #values: Int32Array
  #mask: number
  size = 0

  constructor(expected = 16) {
    const slots = 2 ** Math.max(5, Math.ceil(Math.log2(2 * expected)))
    this.#ids = new Int32Array(2 * slots)
    this.#values = new Int32Array(slots).fill(empty)
    this.#mask = slots - 1
  }

  /** The value of an id; −1 when there is none. */
  get(lo: number, hi: number): number {
    return this.#values[this.#find(lo, hi)]!
  }

  /** Sets the value (0 … 2^31 − 1) of an id and returns what it was, −1 when the id is new. */
  set(lo: number, hi: number, value: number): number {
    const at = this.#find(lo, hi)
    const before = this.#values[at]!
    this.#ids[2 * at] = lo
    this.#ids[2 * at + 1] = hi
    this.#values[at] = value
    if (before === empty && ++this.size > this.#mask >>> 1) this.#grow()
    return before
  }

  /** Where the id is, or the empty slot where it would go. */
  #find(lo: number, hi: number): number {
    let at = mix(hi ^ mix(lo ^ seed)) & this.#mask
    while (this.#values[at] !== empty && (this.#ids[2 * at] !== lo || this.#ids[2 * at + 1] !== hi)) {
      at = (at + 1) & this.#mask
    }
    return at
  }

  #grow(): void {
    const ids = this.#ids
    const values = this.#values
    this.#ids = new Int32Array(2 * ids.length)
    this.#values = new Int32Array(2 * values.length).fill(empty)
    this.#mask = 2 * values.length - 1
    this.size = 0
    values.forEach((value, at) => {
      if (value !== empty) this.set(ids[2 * at]!, ids[2 * at + 1]!, value)
    })
  }
}

const empty = -1

/**
 * Places in the table only; no result depends on it. Unknown to whoever chooses the ids, so that they cannot all
 * be made to fall into one place.
 */
const seed = (Math.random() * 2 ** 32) | 0
