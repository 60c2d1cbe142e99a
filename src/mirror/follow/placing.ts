import { setImmediate as heard } from 'node:timers/promises'
import type { Ready, ReadyFiles } from './ready-files.ts'

/** Files that are made durable and put in their places together, while others are fetched. */
const atOnce = 1024
/** Files put in their places without a look at what else has come. */
const heardEvery = 32

export interface PlacingOptions<F extends Ready> {
  readonly onPlaced: (files: readonly F[]) => void
  /** To be thrown again when it would be every file's trouble. */
  readonly onFailed: (file: F, error: unknown) => void
}

/** Makes files durable that stand ready, many at a time, and then puts them in their places. */
export class Placing<F extends Ready> {
  readonly #files: ReadyFiles
  readonly #options: PlacingOptions<F>
  #waiting: F[] = []
  #running: Promise<void> = Promise.resolve()

  constructor(files: ReadyFiles, options: PlacingOptions<F>) {
    this.#files = files
    this.#options = options
  }

  /** Rejects for what an earlier file met that would be every file's trouble. */
  async add(file: F): Promise<void> {
    this.#waiting.push(file)
    if (this.#waiting.length < atOnce) return
    await this.#running
    this.#running = this.#place(this.#waiting.splice(0))
    // Its failure is reported when the next is begun; until then it is nobody's.
    this.#running.catch(() => {})
  }

  /** Resolves when everything is in its place. To be called in any case: what has come is not thrown away. */
  async end(): Promise<void> {
    await this.#running
    await this.#place(this.#waiting.splice(0))
  }

  async #place(files: readonly F[]): Promise<void> {
    if (files.length === 0) return
    const ready = new Set(files)
    const placed: F[] = []
    try {
      for (const file of files) this.#try(file, ready, () => this.#files.finish(file))
      await this.#files.sync([...ready])
      let number = 0
      for (const file of ready) {
        // Others are fetched meanwhile, and want to be heard.
        if (++number % heardEvery === 0) await heard()
        if (this.#try(file, ready, () => this.#files.place(file))) placed.push(file)
      }
    } finally {
      for (const file of placed) ready.delete(file)
      for (const file of ready) this.#files.discard(file)
    }
    this.#options.onPlaced(placed)
  }

  #try(file: F, ready: Set<F>, act: () => void): boolean {
    try {
      act()
      return true
    } catch (error) {
      ready.delete(file)
      this.#files.discard(file)
      this.#options.onFailed(file, error)
      return false
    }
  }
}
