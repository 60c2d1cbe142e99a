import { setTimeout as sleep } from 'node:timers/promises'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { Reader } from '../../bytes/reader.ts'
import { fromSystem, TidemarkError } from '../../errors.ts'
import type { DirectoryBucket } from '../../store/directory-bucket.ts'
import type { RepositoryWriter } from '../../store/repository/repository-writer.ts'
import { Condition } from '../condition.ts'
import { threadFile } from '../thread-file.ts'
import { Claims } from './claims.ts'
import type { FromThread, ThreadStart, ToThread } from './ingest-thread.ts'
import type { Ingest, Waiting } from './ingest.ts'
import { packJobs, readResult } from './job.ts'

/** A batch ends with this many bytes or files, whichever comes first. */
const batchBytes = 1024 * 1024
const batchFiles = 128
/** Batches that a thread has at most, so that it never waits for the next one. */
const batchesAhead = 3
const mostThreads = 4
/** Slots of the table of claims: nine megabytes. It is cleared, and the index published, before it is full. */
const claimSlots = 2 ** 18
const claimLimit = 170_000
/** Bytes stored after which the index is published, so that a killed run is not begun anew. */
const publishAfter = 4 * 1024 ** 3

interface Thread {
  readonly worker: Worker
  readonly batches: (readonly Waiting[])[]
}

/** Reads with several threads, each with packs of its own: no content ever passes between threads. */
export class ThreadedIngest implements Ingest {
  readonly #writer: RepositoryWriter
  readonly #claims = Claims.create(claimSlots)
  readonly #threads: Thread[]
  readonly #messages = new Condition()
  #batch: Waiting[] = []
  #bytes = 0
  #publishedAt: number
  #flushed = 0

  /** Without `keep` contents are only cut and hashed. */
  constructor(writer: RepositoryWriter, bucket: DirectoryBucket, keep: boolean, signal?: AbortSignal) {
    this.#writer = writer
    signal?.addEventListener(
      'abort',
      () => this.#messages.fail(new TidemarkError('cancelled', 'reading was cancelled')),
      {
        once: true,
      },
    )
    this.#publishedAt = writer.stored
    const start: ThreadStart = {
      root: bucket.root,
      claims: this.#claims.memory,
      segments: this.#segments(),
      condemned: writer.condemned,
      keep,
    }
    const count = Math.min(mostThreads, availableParallelism())
    this.#threads = Array.from({ length: count }, () => this.#begin(start))
  }

  #begin(start: ThreadStart): Thread {
    const worker = new Worker(threadFile('ingest-thread', import.meta.url), {
      workerData: start,
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
      // Some are opened by the C library, of which Node would warn when they are closed.
      trackUnmanagedFds: false,
    })
    const thread: Thread = { worker, batches: [] }
    worker.on('message', (message: FromThread) => this.#receive(thread, message))
    worker.on('error', (error) => this.#messages.fail(fromSystem(error, 'reading thread')))
    return thread
  }

  #segments(): ThreadStart['segments'] {
    return this.#writer.repository.index.segments.map((segment) => segment.share())
  }

  submit(file: Waiting): Promise<void> | undefined {
    this.#batch.push(file)
    this.#bytes += file.identity.size
    return this.#bytes >= batchBytes || this.#batch.length >= batchFiles ? this.#dispatch() : undefined
  }

  async #dispatch(): Promise<void> {
    if (this.#claims.count > claimLimit || this.#writer.stored - this.#publishedAt > publishAfter)
      await this.#publish()
    const waiting = this.#batch
    this.#batch = []
    this.#bytes = 0
    await this.#messages.until(() => this.#threads.some((thread) => thread.batches.length < batchesAhead))
    const thread = this.#threads.reduce((a, b) => (b.batches.length < a.batches.length ? b : a))
    thread.batches.push(waiting)
    send(thread, { kind: 'read', jobs: packJobs(waiting) })
  }

  async drain(): Promise<void> {
    if (this.#batch.length > 0) await this.#dispatch()
    await this.#messages.until(() => this.#threads.every((thread) => thread.batches.length === 0))
  }

  /** Makes all that was read part of the repository, and begins with an empty table of claims. */
  async #publish(): Promise<void> {
    await this.#messages.until(() => this.#threads.every((thread) => thread.batches.length === 0))
    await this.#flush()
    await this.#writer.flush()
    this.#claims.clear()
    for (const thread of this.#threads) send(thread, { kind: 'renew', segments: this.#segments() })
    this.#publishedAt = this.#writer.stored
  }

  async #flush(): Promise<void> {
    this.#flushed = 0
    for (const thread of this.#threads) send(thread, { kind: 'flush' })
    await this.#messages.until(() => this.#flushed === this.#threads.length)
  }

  async finish(): Promise<void> {
    await this.drain()
    await this.#flush()
    await this.abort()
  }

  /** What they have begun to write is removed by themselves, unless one of them is long in ending. */
  async abort(): Promise<void> {
    const ended = this.#threads.map(async (thread) => {
      const exit = new Promise<void>((resolve) => thread.worker.once('exit', () => resolve()))
      send(thread, { kind: 'end' })
      await Promise.race([exit, sleep(patience, undefined, { ref: false })])
      await thread.worker.terminate()
    })
    await Promise.all(ended)
  }

  #receive(thread: Thread, message: FromThread): void {
    try {
      this.#take(thread, message)
    } catch (error) {
      this.#messages.fail(fromSystem(error, 'take in what was read'))
    }
    this.#messages.notify()
  }

  #take(thread: Thread, message: FromThread): void {
    if (message.kind === 'pack') this.#writer.addPack(message.pack)
    else if (message.kind === 'flushed') this.#flushed++
    else if (message.kind === 'failed') this.#messages.fail(new TidemarkError(message.code, message.message))
    else {
      const reader = new Reader(message.bytes, 'results')
      for (const file of thread.batches.shift() ?? []) file.done(readResult(reader))
    }
  }
}

/** Milliseconds. */
const patience = 2000

function send(thread: Thread, message: ToThread): void {
  thread.worker.postMessage(message)
}
