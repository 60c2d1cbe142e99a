import { digestWords } from './identify.ts'
import { putWords, wordsOf } from './words.ts'

/**
 * The root of a set: how many items it has, and the sum of their digests, lane by lane (eight 32-bit lanes,
 * modulo 2^32). Two sets with equal roots are taken for equal; a decoded difference is believed only when it
 * leads from one root to the other. A sum can be kept up to date, taken apart, and merged from shards,
 * which a hash over a sorted list cannot.
 */
export class SetRoot {
  count = 0
  readonly lanes: Int32Array = new Int32Array(digestWords)

  static of(count: number, sum: Uint8Array): SetRoot {
    const root = new SetRoot()
    root.count = count
    root.lanes.set(wordsOf(new Uint8Array(sum)))
    return root
  }

  /** Counts the items of `digests` (little-endian words) in (`sign` 1) or out (−1). */
  include(digests: Int32Array, sign: 1 | -1): void {
    const lanes = this.lanes
    for (let at = 0; at < digests.length; at += digestWords) {
      for (let lane = 0; lane < digestWords; lane++) {
        lanes[lane] = (lanes[lane]! + sign * digests[at + lane]!) | 0
      }
    }
    this.count += (sign * digests.length) / digestWords
  }

  /** Adds (1) or subtracts (−1) another root: that of a disjoint set, or of a subset. */
  combine(other: SetRoot, sign: 1 | -1): void {
    for (let lane = 0; lane < digestWords; lane++) {
      this.lanes[lane] = (this.lanes[lane]! + sign * other.lanes[lane]!) | 0
    }
    this.count += sign * other.count
  }

  clone(): SetRoot {
    const copy = new SetRoot()
    copy.combine(this, 1)
    return copy
  }

  equals(other: SetRoot): boolean {
    return this.count === other.count && this.lanes.every((lane, at) => lane === other.lanes[at])
  }

  /** The 32 bytes of the sum, lanes little-endian. The count stands beside it wherever it is written. */
  sum(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(4 * digestWords)
    putWords(this.lanes, bytes, 0)
    return bytes
  }
}
