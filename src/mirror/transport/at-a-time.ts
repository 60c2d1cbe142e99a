/**
 * Runs `work` on each of `items`, at most `most` at a time, and yields the results as they come. The first
 * failure ends it: what is under way is waited for, and the failure thrown.
 */
export async function* atATime<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const pool = new Pool(items, most, work)
  try {
    yield* pool.results()
  } finally {
    await pool.stop()
  }
  pool.rethrow()
}

class Pool<T, R> {
  readonly #items: readonly T[]
  readonly #most: number
  readonly #work: (item: T) => Promise<R>
  #next = 0
  #running = 0
  #done: R[] = []
  #failures: unknown[] = []
  #wake: (() => void) | undefined

  constructor(items: readonly T[], most: number, work: (item: T) => Promise<R>) {
    this.#items = items
    this.#most = most
    this.#work = work
  }

  #begin(): void {
    while (this.#running < this.#most && this.#next < this.#items.length && this.#failures.length === 0) {
      this.#running++
      void this.#one(this.#items[this.#next++]!)
    }
  }

  async #one(item: T): Promise<void> {
    try {
      const result = await this.#work(item)
      this.#done.push(result)
    } catch (error) {
      this.#failures.push(error)
    }
    this.#running--
    this.#begin()
    this.#wake?.()
  }

  async *results(): AsyncGenerator<R, void> {
    this.#begin()
    while (this.#running > 0 || this.#done.length > 0) {
      const done = this.#done
      this.#done = []
      yield* done
      if (this.#running > 0 && this.#done.length === 0) await this.#change()
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }

  /** Whoever stops early finds nothing still at work. */
  async stop(): Promise<void> {
    this.#next = this.#items.length
    while (this.#running > 0) await this.#change()
  }

  rethrow(): void {
    if (this.#failures.length > 0) throw this.#failures[0]
  }
}
