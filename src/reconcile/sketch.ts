import { TidemarkError } from '../errors.ts'
import { cellWords, type Kernel } from './absorb.ts'
import { checkOf, digestLength, identify } from './identify.ts'
import { sameKey, sketchKey, type SketchKey } from './key.ts'
import { cellsOf, maxHits } from './mapping.ts'
import { general, maxCells, type Profile } from './profile.ts'
import { SetRoot } from './root.ts'
import { fastestKernel } from './wasm-kernel.ts'
import { wordsOf } from './words.ts'

export interface SketchOptions {
  /** 16 bytes, or the key made from them. Only sketches of one salt can be combined. */
  readonly salt: Uint8Array | SketchKey
  /** How many cells: about 1.4 for each difference it shall be able to tell, plus 32. */
  readonly size: number
  readonly profile?: Profile
  /** What adds many digests at once. WebAssembly where it runs, plain TypeScript elsewhere, when left out. */
  readonly kernel?: Kernel
}

/**
 * A sketch of a set of items, each named by its 32-byte digest (SHA-256). Laws, for any sets A and B:
 *
 * - the order of `add` and `delete` never matters; adding and then deleting an item changes nothing;
 * - `sketch(A)` merged with `sketch(B)` is `sketch(A ∪ B)` when A and B are disjoint;
 * - `sketch(A)` less `sketch(B)` has the cells of `sketch(A △ B)`;
 * - the first m cells of a sketch are the sketch of m cells.
 *
 * It is a set's sketch only if no item is added twice: two equal items cancel. `SetIndex` sees to that.
 */
export class Sketch {
  readonly key: SketchKey
  readonly profile: Profile
  /** Cell i is words 3i (lower half of the id), 3i + 1 (upper half) and 3i + 2 (check). */
  readonly cells: Int32Array
  readonly root: SetRoot
  readonly #kernel: Kernel

  constructor(options: SketchOptions) {
    const { salt, size, profile = general, kernel = fastestKernel() } = options
    if (!Number.isInteger(size) || size < 1 || size > maxCells) {
      throw new TidemarkError('usage', `A sketch has 1 to ${maxCells} cells, not ${size}`)
    }
    this.key = salt instanceof Uint8Array ? sketchKey(salt) : salt
    this.profile = profile
    this.cells = new Int32Array(cellWords * size)
    this.root = new SetRoot()
    this.#kernel = kernel
  }

  /** How many cells. */
  get size(): number {
    return this.cells.length / cellWords
  }

  add(digest: Uint8Array): this {
    return this.#toggle(digest, 1)
  }

  delete(digest: Uint8Array): this {
    return this.#toggle(digest, -1)
  }

  /** Some 20 cells change, whatever the size of the set. */
  #toggle(digest: Uint8Array, sign: 1 | -1): this {
    const words = digestsOf(digest, 1)
    identify(this.key, words, 0, 1, oneId)
    const lo = oneId[0]!
    const hi = oneId[1]!
    const check = checkOf(this.key, lo, hi)
    const hits = cellsOf(this.profile, lo, hi, this.size, oneHits)
    for (let hit = 0; hit < hits; hit++) {
      const at = oneHits[hit]! * cellWords
      this.cells[at] = this.cells[at]! ^ lo
      this.cells[at + 1] = this.cells[at + 1]! ^ hi
      this.cells[at + 2] = this.cells[at + 2]! ^ check
    }
    this.root.include(words, sign)
    return this
  }

  /** Adds many items at once: their digests one after another. */
  addAll(digests: Uint8Array): this {
    const words = digestsOf(digests)
    this.#kernel(this.key, this.profile, words, this.cells)
    this.root.include(words, 1)
    return this
  }

  /** Takes in another shard: this becomes the sketch of the union. The sets must be disjoint. */
  merge(other: Sketch): this {
    this.#combine(other)
    this.root.combine(other.root, 1)
    return this
  }

  /** Becomes the difference to `other`, ready for `peel`. The roots are subtracted too. */
  subtract(other: Sketch): this {
    this.#combine(other)
    this.root.combine(other.root, -1)
    return this
  }

  #combine(other: Sketch): void {
    if (!sameKey(this.key, other.key)) throw mismatch('their salts differ')
    if (this.profile !== other.profile) throw mismatch('their profiles differ')
    if (this.size !== other.size) throw mismatch(`one has ${this.size} cells, the other ${other.size}`)
    for (let at = 0; at < this.cells.length; at++) this.cells[at] = this.cells[at]! ^ other.cells[at]!
  }

  /** A copy of the first `size` cells. */
  prefix(size: number): Sketch {
    if (size > this.size) throw mismatch(`${size} cells were asked for, there are ${this.size}`)
    const copy = new Sketch({ salt: this.key, size, profile: this.profile, kernel: this.#kernel })
    copy.cells.set(this.cells.subarray(0, copy.cells.length))
    copy.root.combine(this.root, 1)
    return copy
  }

  clone(): Sketch {
    return this.prefix(this.size)
  }
}

const oneId = new Int32Array(2)
const oneHits = new Int32Array(maxHits)

function mismatch(problem: string): TidemarkError {
  return new TidemarkError('usage', `These sketches do not fit together: ${problem}`)
}

function digestsOf(bytes: Uint8Array, count?: number): Int32Array {
  if (bytes.length % digestLength !== 0 || (count !== undefined && bytes.length !== count * digestLength)) {
    throw new TidemarkError('usage', `A digest has ${digestLength} bytes; there are ${bytes.length}`)
  }
  return wordsOf(bytes)
}
