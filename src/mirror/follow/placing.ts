import { setImmediate as heard } from 'node:timers/promises'
import type { Ready, ReadyFiles } from './ready-files.ts'

/** Files put in their places without a look at what else has come, and before it is told of them. */
const heardEvery = 64
const tellEvery = 512

export interface PlacingOptions<F extends Ready> {
  readonly onPlaced: (files: readonly F[]) => void
  /** To be thrown again when it would be every file's trouble. */
  readonly onFailed: (file: F, error: unknown) => void
}

/** Makes files durable that stand ready, all at once, and then puts them in their places. */
export class Placing<F extends Ready> {
  readonly #files: ReadyFiles
  readonly #options: PlacingOptions<F>
  #waiting: F[] = []

  constructor(files: ReadyFiles, options: PlacingOptions<F>) {
    this.#files = files
    this.#options = options
  }

  add(file: F): void {
    this.#waiting.push(file)
  }

  /**
   * Resolves when everything is in its place. To be called in any case: what has come is not thrown away. Rejects for what a
   * file met that would be every file's trouble.
   */
  async placeAll(): Promise<void> {
    await this.#place(this.#waiting.splice(0))
  }

  async #place(files: readonly F[]): Promise<void> {
    if (files.length === 0) return
    const ready = new Set(files)
    let placed: F[] = []
    const tell = (): void => {
      for (const file of placed) ready.delete(file)
      if (placed.length > 0) this.#options.onPlaced(placed)
      placed = []
    }
    try {
      for (const file of files) this.#try(file, ready, () => this.#files.finish(file))
      await this.#files.sync([...ready])
      let number = 0
      for (const file of ready) {
        // Others are fetched meanwhile, and want to be heard.
        if (++number % heardEvery === 0) await heard()
        if (number % tellEvery === 0) tell()
        if (this.#try(file, ready, () => this.#files.place(file))) placed.push(file)
      }
    } finally {
      for (const file of placed) ready.delete(file)
      for (const file of ready) this.#files.discard(file)
      tell()
    }
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
