/** What comes from a source in batches, taken from it as far ahead as there is room. */
export class ReadAhead<T> {
  readonly #source: AsyncIterator<readonly T[]>
  readonly #room: number
  readonly #onCome: (item: T) => void
  #items: T[] = []
  /** How many of them have been taken. */
  #taken = 0
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wake = Promise.withResolvers<void>()

  /** `onCome` is called for each item when it comes. */
  constructor(source: AsyncIterable<readonly T[]>, room: number, onCome: (item: T) => void = () => {}) {
    this.#source = source[Symbol.asyncIterator]()
    this.#room = room
    this.#onCome = onCome
    void this.#run()
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        while (this.waiting >= this.#room) await this.#wake.promise
        const step = await this.#source.next()
        if (this.#ended || step.done === true) break
        for (const item of step.value) {
          this.#items.push(item)
          this.#onCome(item)
        }
        this.#notify()
      }
    } catch (error) {
      this.#failure = { error }
    }
    this.#ended = true
    this.#notify()
  }

  #notify(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  /** How many have come and not been taken. */
  get waiting(): number {
    return this.#items.length - this.#taken
  }

  /** Whether there is another, waiting for it if need be. Rejects what the source rejected, when all before it is taken. */
  async more(): Promise<boolean> {
    while (this.waiting === 0) {
      if (this.#failure) throw this.#failure.error
      if (this.#ended) return false
      await this.#wake.promise
    }
    return true
  }

  /** The next, which must have come. */
  take(): T {
    const item = this.#items[this.#taken++]!
    if (this.#taken === 1024 || this.#taken === this.#items.length) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
      this.#notify()
    }
    return item
  }

  /** Nothing more is wanted. */
  close(): void {
    if (this.#ended) return
    this.#ended = true
    this.#items = []
    this.#taken = 0
    this.#notify()
    // It may be waiting for what never comes: nobody waits for that.
    this.#source.return?.().catch(() => undefined)
  }
}
