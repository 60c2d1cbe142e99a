import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { fromSystem, TidemarkError } from '../../errors.ts'
import { threadFile } from '../thread-file.ts'
import type { FilledBlocks } from './block-filler.ts'
import { packPlaces, type ChunkAt } from './block-job.ts'
import type { FromThread, ThreadStart, ToThread } from './block-thread.ts'

const mostThreads = 4

interface Thread {
  readonly worker: Worker
  readonly waiting: PromiseWithResolvers<FilledBlocks>[]
  readonly ended: Promise<void>
}

/** Fills blocks from the files of a folder, on several threads. */
export class BlockThreads {
  readonly #threads: Thread[]
  #failure: Error | undefined

  constructor(start: ThreadStart) {
    const count = Math.min(mostThreads, availableParallelism())
    this.#threads = Array.from({ length: count }, () => this.#begin(start))
  }

  /** How many jobs keep all of them busy. */
  get atOnce(): number {
    return 2 * this.#threads.length
  }

  #begin(start: ThreadStart): Thread {
    const worker = new Worker(threadFile('block-thread', import.meta.url), {
      workerData: start,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
      // Some are opened by the C library, of which Node would warn when they are closed.
      trackUnmanagedFds: false,
    })
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const thread: Thread = { worker, waiting: [], ended }
    worker.on('message', (message: FromThread) => {
      const waiting = thread.waiting.shift()
      if (message.kind === 'filled') waiting?.resolve(message)
      else waiting?.reject(new TidemarkError(message.code, message.message))
    })
    worker.on('error', (error) => {
      this.#failure = fromSystem(error, 'reading thread')
      for (const { reject } of thread.waiting.splice(0)) reject(this.#failure)
    })
    return thread
  }

  async fill(places: readonly ChunkAt[], compress: boolean): Promise<FilledBlocks> {
    if (this.#failure) throw this.#failure
    const thread = this.#threads.reduce((a, b) => (b.waiting.length < a.waiting.length ? b : a))
    const waiting = Promise.withResolvers<FilledBlocks>()
    thread.waiting.push(waiting)
    const bytes = packPlaces(places)
    send(thread, { kind: 'fill', places: bytes, compress }, [bytes.buffer])
    return waiting.promise
  }

  async close(): Promise<void> {
    for (const thread of this.#threads) send(thread, { kind: 'end' })
    await Promise.all(this.#threads.map(({ ended }) => ended))
  }
}

function send({ worker }: Thread, message: ToThread, transfer: ArrayBuffer[] = []): void {
  worker.postMessage(message, transfer)
}
