import type { Id } from '../object/id.ts'

/**
 * A set of ids of which only the first four bytes are kept: eight bytes an id. One in some thousands of millions is
 * taken for another.
 */
export class KeySet {
  /** Open addressing; 0 where nothing is. */
  #slots = new Uint32Array(1024)
  #count = 0

  add(id: Id): void {
    const key = keyOf(id)
    const at = this.#find(key)
    if (this.#slots[at] === key) return
    this.#slots[at] = key
    if (++this.#count * 2 > this.#slots.length) this.#grow()
  }

  has(id: Id): boolean {
    const key = keyOf(id)
    return this.#slots[this.#find(key)] === key
  }

  /** Where a key is, or would be. */
  #find(key: number): number {
    const mask = this.#slots.length - 1
    let at = key & mask
    while (this.#slots[at] !== 0 && this.#slots[at] !== key) at = (at + 1) & mask
    return at
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(2 * before.length)
    for (const key of before) if (key !== 0) this.#slots[this.#find(key)] = key
  }
}

/** Never 0. */
function keyOf(id: Id): number {
  const [a, b, c, d] = [id.charCodeAt(0), id.charCodeAt(1), id.charCodeAt(2), id.charCodeAt(3)]
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 || 1
}
