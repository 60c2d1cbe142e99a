import { setImmediate } from 'node:timers/promises'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { throwIfCancelled } from '../../store/call.ts'
import type { FileJob, FileSink, OnResult } from './file-job.ts'
import { FilePlacer } from './file-placer.ts'
import type { OpenDirectories } from './open-directories.ts'

/** Files that are written at the same time, so that a store far away is asked for several chunks at once. */
const atOnce = 8
/** Files between two turns of the event loop, so that a signal is noticed. */
const filesPerTurn = 64

export interface SinkOptions extends CallOptions {
  /** Tell what stands there in the end. */
  readonly placed?: boolean | undefined
}

/** Writes on the calling thread: right for a few files, and for stores that are not local packs. */
export class InlineFiles implements FileSink {
  readonly #placer: FilePlacer
  readonly #signal: AbortSignal | undefined
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined
  #count = 0

  constructor(directories: OpenDirectories, store: Store, options: SinkOptions = {}) {
    this.#placer = new FilePlacer(directories, store, options)
    this.#signal = options.signal
  }

  submit(job: FileJob, onResult: OnResult): Promise<void> | undefined {
    const running = this.#placer
      .place(job, onResult)
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
    return this.#running.size >= atOnce ? this.#next() : undefined
  }

  async #next(): Promise<void> {
    await Promise.race(this.#running)
    if (++this.#count % filesPerTurn === 0) await setImmediate()
    this.#check()
    if (this.#placer.full) await this.#placer.advance()
  }

  #check(): void {
    throwIfCancelled(this.#signal, 'write files')
    if (this.#failure) throw this.#failure.error
  }

  async drain(): Promise<void> {
    await Promise.all(this.#running)
    this.#check()
    await this.#placer.commit()
  }

  finish(): Promise<void> {
    return this.drain()
  }

  async abort(): Promise<void> {
    this.#placer.abort()
    await Promise.all(this.#running)
    this.#placer.abort()
  }
}
