import type { Name } from '../../bytes/name.ts'
import { lookFlags, STATX_BASIC_STATS } from './at.ts'
import { highHalf, lowHalf } from './halves.ts'
import type { Libc } from './libc.ts'

/**
 * Looks at entries of open directories one after the other and answers questions about the last one, where
 * {@link statAt} would make an object of it: a scan asks of each file just whether it is what it was. Times
 * and numbers of 64 bits come and go as two halves of 32, low and high, each signed; the bigints that they
 * are elsewhere would cost as much as the system call.
 */
export class Look {
  readonly #system: Libc
  /** `struct statx`, the same on every architecture. */
  readonly #bytes = new Uint8Array(256)
  readonly #words = new Int32Array(this.#bytes.buffer)

  constructor(system: Libc) {
    this.#system = system
  }

  /** False when nothing is at `name`, or for any reason it cannot be looked at in this way. */
  at(directory: number, name: Name): boolean {
    // A name with bytes that are no UTF-8 would have to be passed as bytes: seldom enough to be left out.
    if (!name.isWellFormed()) return false
    return this.#system.statx(directory, name, lookFlags, STATX_BASIC_STATS, this.#bytes) === 0
  }

  /** The kind of file: the highest four bits of a mode as C has it. */
  get type(): number {
    return this.#bytes[29]! >> 4
  }

  /** How many names it has. */
  get links(): number {
    return this.#words[4]!
  }

  get size(): number {
    return (this.#words[10]! >>> 0) + this.#words[11]! * 2 ** 32
  }

  hasInode(low: number, high: number): boolean {
    return this.#words[8] === low && this.#words[9] === high
  }

  changedAt(low: number, high: number): boolean {
    return this.#isTime(24, low, high)
  }

  modifiedAt(low: number, high: number): boolean {
    return this.#isTime(28, low, high)
  }

  /** Whether seconds and nanoseconds from word `at` on make this number of nanoseconds. */
  #isTime(at: number, low: number, high: number): boolean {
    const [seconds, nanoseconds] = [this.#words[at]!, this.#words[at + 2]!]
    const ownLow = lowHalf(seconds, nanoseconds)
    return ownLow === low && highHalf(seconds, this.#words[at + 1]!, nanoseconds, ownLow) === high
  }
}
