import { digestWords } from './identify.ts'
import { mix } from './mix.ts'

/** A set of digests, each with a number: 0, 1, 2 … in order of arrival, without gaps. 40 bytes a digest. */
export class DigestTable {
  /** The words of all digests, by number; only the first `size` count. */
  words: Int32Array = new Int32Array(64 * digestWords)
  size = 0
  /** Number + 1 of the digest in each place, 0 for none. Linear probing; at most half full. */
  #places = new Int32Array(128)

  /** The number of the digest whose words begin at `at` in `words`; −1 when it is not here. */
  find(words: Int32Array, at: number): number {
    return this.#places[this.#place(words, at)]! - 1
  }

  /** Adds a digest; its number, or −1 when it was here before. */
  add(words: Int32Array, at: number): number {
    const place = this.#place(words, at)
    if (this.#places[place] !== 0) return -1
    const number = this.size++
    if (this.size * digestWords > this.words.length) this.#growWords()
    this.words.set(words.subarray(at, at + digestWords), number * digestWords)
    this.#places[place] = number + 1
    if (2 * this.size > this.#places.length) this.#growPlaces()
    return number
  }

  /** Takes out the digest `number`; the last one takes its number, so that no gap stays. */
  delete(number: number): void {
    this.#vacate(this.#place(this.words, number * digestWords))
    const last = --this.size
    if (last === number) return
    const place = this.#place(this.words, last * digestWords)
    this.words.copyWithin(number * digestWords, last * digestWords, (last + 1) * digestWords)
    this.#places[place] = number + 1
  }

  #place(words: Int32Array, at: number): number {
    const mask = this.#places.length - 1
    let place = this.#home(words, at)
    for (let entry = this.#places[place]!; entry !== 0; entry = this.#places[place]!) {
      if (this.#same(entry - 1, words, at)) return place
      place = (place + 1) & mask
    }
    return place
  }

  #home(words: Int32Array, at: number): number {
    return mix(words[at + 1]! ^ mix(words[at]! ^ seed)) & (this.#places.length - 1)
  }

  #same(number: number, words: Int32Array, at: number): boolean {
    for (let word = 0; word < digestWords; word++) {
      if (this.words[number * digestWords + word] !== words[at + word]) return false
    }
    return true
  }

  /** Empties a place and moves back whoever was pushed past it (Knuth 6.4, algorithm R). */
  #vacate(hole: number): void {
    const mask = this.#places.length - 1
    for (let place = (hole + 1) & mask; this.#places[place] !== 0; place = (place + 1) & mask) {
      const home = this.#home(this.words, (this.#places[place]! - 1) * digestWords)
      if (((place - home) & mask) < ((place - hole) & mask)) continue
      this.#places[hole] = this.#places[place]!
      hole = place
    }
    this.#places[hole] = 0
  }

  #growWords(): void {
    const grown = new Int32Array(2 * this.words.length)
    grown.set(this.words)
    this.words = grown
  }

  #growPlaces(): void {
    this.#places = new Int32Array(2 * this.#places.length)
    for (let number = 0; number < this.size; number++) {
      this.#places[this.#place(this.words, number * digestWords)] = number + 1
    }
  }
}

/** Decides places only, no result; unknown outside, so that nobody can choose digests that all collide. */
const seed = (Math.random() * 2 ** 32) | 0
