import { setImmediate } from 'node:timers/promises'
import { FileReader } from './file-reader.ts'
import type { TakeChunk } from './file-reader.ts'
import type { Ingest, Waiting } from './ingest.ts'

/** Files read between two turns of the event loop, so that a signal is noticed. */
const filesPerTurn = 64

/** Reads on the calling thread, when asked to drain: right for a handful of files, and where nothing is stored. */
export class InlineIngest implements Ingest {
  #waiting: Waiting[] = []
  #reader: FileReader | undefined
  readonly #take: TakeChunk
  readonly #limit: number
  readonly #signal: AbortSignal | undefined

  /** Reads when `limit` files wait, or when drained. */
  constructor(take: TakeChunk, limit: number, signal?: AbortSignal) {
    this.#take = take
    this.#limit = limit
    this.#signal = signal
  }

  /** Takes back what was not read yet. */
  release(): Waiting[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }

  submit(file: Waiting): Promise<void> | undefined {
    this.#waiting.push(file)
    return this.#waiting.length >= this.#limit ? this.drain() : undefined
  }

  async drain(): Promise<void> {
    let read = 0
    for (let waiting = this.release(); waiting.length > 0; waiting = this.release()) {
      this.#reader ??= new FileReader(this.#take)
      for (const file of waiting) {
        this.#signal?.throwIfAborted()
        file.done(await this.#reader.read(file))
        if (++read % filesPerTurn === 0) await setImmediate()
      }
    }
  }

  async finish(): Promise<void> {
    await this.drain()
    this.#part()
  }

  async abort(): Promise<void> {
    this.release()
    this.#part()
  }

  #part(): void {
    this.#reader?.release()
    this.#reader = undefined
  }
}
