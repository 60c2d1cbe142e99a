import { LinesKernel } from './lines-kernel.ts'
import { type ApplyOptions, Replay, type TextReplay } from './replay.ts'

/** A replay by the kernel where it runs, else the plain one. `pool` must not change while it is used. */
export function openReplay(pool: Uint8Array, start: number, end: number): TextReplay {
  return KernelReplay.open(pool, start, end) ?? new Replay(pool, start, end)
}

/** Does what {@link openReplay} would do for the first time only, some milliseconds of it, while there is time. */
export function prepareReplay(): void {
  const kernel = LinesKernel.take()
  if (kernel !== undefined) LinesKernel.release(kernel)
}

/** As {@link Replay}, on a copy of the pool in a kernel of its own. */
class KernelReplay implements TextReplay {
  readonly #pool: Uint8Array
  readonly #kernel: LinesKernel
  readonly #start: number
  readonly #end: number
  /** Where room for the text begins. */
  readonly #textAt: number
  /** The diffs so far, for the plain replay to catch up. */
  readonly #applied: (readonly [start: number, end: number, reverse: boolean])[] = []
  #plain: Replay | undefined

  private constructor(pool: Uint8Array, kernel: LinesKernel, start: number, end: number, textAt: number) {
    this.#pool = pool
    this.#kernel = kernel
    this.#start = start
    this.#end = end
    this.#textAt = textAt
  }

  static open(pool: Uint8Array, start: number, end: number): KernelReplay | undefined {
    const kernel = LinesKernel.take()
    if (kernel === undefined || pool.length > 2 ** 29 || !kernel.reserve(poolAt + pool.length))
      return undefined
    kernel.bytes.set(pool, poolAt)
    // No text on the way has more lines than there are in the pool.
    const lines = kernel.exports.countLines(poolAt, poolAt + pool.length) + 1
    const first = (poolAt + pool.length + 7) & ~7
    const textAt = first + 2 * placeBytes * lines
    if (!kernel.reserve(textAt)) return undefined
    kernel.exports.begin(poolAt + start, poolAt + end, first, first + placeBytes * lines, lines)
    return new KernelReplay(pool, kernel, start, end, textAt)
  }

  apply(start: number, end: number, what: string, options: ApplyOptions = {}): void {
    if (this.#plain === undefined) {
      const { strict = false, reverse = false } = options
      const { exports } = this.#kernel
      if (exports.apply(poolAt + start, poolAt + end, Number(strict), Number(reverse)) === 1) {
        this.#applied.push([start, end, reverse])
        return
      }
      this.#plain = this.#caughtUp()
    }
    // Tells what does not fit.
    this.#plain.apply(start, end, what, options)
  }

  bytes(): Buffer {
    if (this.#plain !== undefined) return this.#plain.bytes()
    const length = this.#kernel.exports.textLength() >>> 0
    if (!this.#kernel.reserve(this.#textAt + length)) {
      this.#plain = this.#caughtUp()
      return this.#plain.bytes()
    }
    this.#kernel.exports.writeText(this.#textAt)
    return Buffer.from(this.#kernel.bytes.subarray(this.#textAt, this.#textAt + length))
  }

  #caughtUp(): Replay {
    const plain = new Replay(this.#pool, this.#start, this.#end)
    for (const [start, end, reverse] of this.#applied) plain.apply(start, end, 'diff', { reverse })
    return plain
  }

  release(): void {
    LinesKernel.release(this.#kernel)
  }
}

const poolAt = 8
const placeBytes = 8
