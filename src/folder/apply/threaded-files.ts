import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { Writer } from '../../bytes/writer.ts'
import { fromSystem, TidemarkError } from '../../errors.ts'
import { encodeEntry } from '../../object/entry-codec.ts'
import type { Repository } from '../../store/repository/repository.ts'
import { Condition } from '../condition.ts'
import { threadFile } from '../thread-file.ts'
import type { Failure, FromThread, PartJob, ThreadStart, ToThread } from './apply-thread.ts'
import { Descriptors } from './descriptors.ts'
import type { FileJob, FileResult, FileSink, OnResult } from './file-job.ts'
import { FilePlacer, type Begun } from './file-placer.ts'
import type { OpenDirectories } from './open-directories.ts'
import { packJobs, readResults } from './packed-jobs.ts'

/** A batch ends with this many bytes or files, whichever comes first. */
const batchBytes = 4 * 1024 * 1024
const batchFiles = 512
/** Batches that a thread has at most, so that it never waits for the next one. */
const batchesAhead = 3
const mostThreads = 4
/** Files of at least twice this size are written by all threads at once, in parts of it. */
const partSize = 32 * 1024 * 1024
/** More of them than this are of no use: a file of any size may be nearly all hole. */
const mostParts = 1024

interface Thread {
  readonly worker: Worker
  /** Batches and parts that it has not seen to yet. */
  batches: number
  readonly ended: Promise<void>
}

interface Pending {
  readonly job: FileJob
  readonly onResult: OnResult
}

/**
 * Writes files with several threads, each of which reads from the packs by itself: no content passes between
 * threads. What a thread cannot find, or finds damaged, goes to `otherwise`, which may know other copies.
 */
export class ThreadedFiles implements FileSink {
  readonly #otherwise: FileSink
  readonly #placer: FilePlacer
  readonly #threads: Thread[]
  readonly #messages = new Condition()
  readonly #stop = new Int32Array(new SharedArrayBuffer(4))
  /** Jobs without a result, by number. */
  readonly #pending = new Map<number, Pending>()
  readonly #parts = new Map<number, (error: Failure | undefined) => void>()
  #number = 0
  #batch: Pending[] = []
  #bytes = 0
  #large: Promise<void> | undefined
  /** Ends the large file whose parts are being written. */
  #giveUpLarge: (() => void) | undefined

  /** `root` is the directory of the repository's bucket; `placed`: tell what stands there in the end. */
  constructor(
    directories: OpenDirectories,
    repository: Repository,
    root: string,
    otherwise: FileSink,
    placed = false,
  ) {
    this.#otherwise = otherwise
    this.#placer = new FilePlacer(directories, repository, { placed })
    const start: ThreadStart = {
      target: String(directories.root.location),
      identity: directories.identity,
      repository: root,
      segments: repository.index.segments.map((segment) => segment.shared),
      placed,
      stop: this.#stop.buffer,
      descriptors: Descriptors.own.memory,
    }
    const count = Math.min(mostThreads, availableParallelism())
    this.#threads = Array.from({ length: count }, () => this.#begin(start))
  }

  #begin(start: ThreadStart): Thread {
    const worker = new Worker(threadFile('apply-thread', import.meta.url), {
      workerData: start,
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 96 },
      // Descriptors are opened by the C library, and shared between threads: each closes its own.
      trackUnmanagedFds: false,
    })
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const thread: Thread = { worker, batches: 0, ended }
    worker.on('message', (message: FromThread) => this.#receive(thread, message))
    worker.on('error', (error) => this.#messages.fail(fromSystem(error, 'writing thread')))
    return thread
  }

  submit(job: FileJob, onResult: OnResult): Promise<void> | undefined {
    if (job.entry.size >= 2 * partSize && !job.check) return this.#submitLarge({ job, onResult })
    this.#batch.push({ job, onResult })
    this.#bytes += job.entry.size
    return this.#bytes >= batchBytes || this.#batch.length >= batchFiles ? this.#dispatch() : undefined
  }

  async #dispatch(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#bytes = 0
    const first = this.#number
    this.#number += batch.length
    for (const [n, pending] of batch.entries()) this.#pending.set(first + n, pending)
    const jobs = packJobs(
      first,
      batch.map(({ job }) => job),
    )
    await this.#give({ kind: 'files', jobs })
  }

  /** Sends something to the thread that has least to do, as soon as one has room. */
  async #give(message: ToThread): Promise<void> {
    await this.#messages.until(() => this.#threads.some(({ batches }) => batches < batchesAhead))
    const thread = this.#threads.reduce((a, b) => (b.batches < a.batches ? b : a))
    thread.batches++
    send(thread, message)
  }

  /** One large file at a time; it is completed while others are written. */
  async #submitLarge(pending: Pending): Promise<void> {
    await this.#large
    const { job, onResult } = pending
    const begun = this.#placer.begin(job, onResult)
    if (begun === undefined) return
    this.#giveUpLarge = () => this.#placer.giveUp(job, begun)
    const writer = new Writer()
    encodeEntry(writer, job.entry)
    const entry = writer.finish()
    const errors: Promise<Failure | undefined>[] = []
    const step = Math.max(partSize, Math.ceil(job.entry.size / mostParts))
    for (let start = 0; start < job.entry.size; start += step) {
      const number = this.#number++
      errors.push(new Promise((resolve) => this.#parts.set(number, resolve)))
      const end = Math.min(start + step, job.entry.size)
      const part: PartJob = { number, fd: begun.file.fd, entry, start, end }
      await this.#give({ kind: 'part', part })
    }
    this.#large = this.#completeLarge(pending, begun, errors).catch((error: unknown) =>
      this.#messages.fail(fromSystem(error, 'write a file')),
    )
  }

  async #completeLarge(
    { job, onResult }: Pending,
    begun: Begun,
    errors: readonly Promise<Failure | undefined>[],
  ): Promise<void> {
    const failed = (await Promise.all(errors)).some((error) => error !== undefined)
    this.#giveUpLarge = undefined
    if (failed) {
      this.#placer.giveUp(job, begun)
      await this.#otherwise.submit(job, onResult)
      return
    }
    this.#placer.complete(job, begun, onResult)
    await this.#placer.commit()
  }

  async drain(): Promise<void> {
    if (this.#batch.length > 0) await this.#dispatch()
    await this.#large
    for (const thread of this.#threads) send(thread, { kind: 'commit' })
    await this.#messages.until(() => this.#pending.size === 0)
    await this.#otherwise.drain()
  }

  async finish(): Promise<void> {
    await this.drain()
    await this.#end()
  }

  async abort(): Promise<void> {
    Atomics.store(this.#stop, 0, 1)
    await this.#end()
    this.#giveUpLarge?.()
    this.#placer.abort()
    await this.#otherwise.abort()
  }

  /** Resolves when all threads have removed what they had not put in place, and ended. */
  async #end(): Promise<void> {
    for (const thread of this.#threads) send(thread, { kind: 'end' })
    await Promise.all(this.#threads.map(({ ended }) => ended))
  }

  #receive(thread: Thread, message: FromThread): void {
    if (message.kind === 'taken') thread.batches--
    else if (message.kind === 'results') this.#takeResults(message.bytes)
    else if (message.kind === 'failed')
      this.#messages.fail(new TidemarkError(message.error.code, message.error.message))
    else {
      this.#parts.get(message.number)?.(message.error)
      this.#parts.delete(message.number)
    }
    this.#messages.notify()
  }

  #takeResults(bytes: Uint8Array): void {
    for (const { number, result } of readResults(bytes)) {
      const pending = this.#pending.get(number)
      if (pending === undefined) continue
      this.#pending.delete(number)
      if (isMissed(result)) void this.#retry(pending)
      else pending.onResult(result)
    }
  }

  async #retry({ job, onResult }: Pending): Promise<void> {
    try {
      await this.#otherwise.submit(job, onResult)
    } catch (error) {
      this.#messages.fail(fromSystem(error, 'write a file'))
    }
  }
}

/** The content was not where the thread looked for it. */
function isMissed({ status, problems }: FileResult): boolean {
  return status === 'failed' && problems.some(([code]) => code === 'missing' || code === 'corrupt')
}

function send({ worker }: Thread, message: ToThread): void {
  worker.postMessage(message, [])
}
