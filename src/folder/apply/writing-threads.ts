import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { fromSystem, TidemarkError } from '../../errors.ts'
import { Condition } from '../condition.ts'
import { threadFile } from '../thread-file.ts'
import type { FromThread, ThreadStart, ToThread } from './apply-thread.ts'
import { Descriptors } from './descriptors.ts'
import type { FileJob, FileResult, FileSink, OnResult } from './file-job.ts'
import type { OpenDirectories } from './open-directories.ts'
import { packJobs, readResults } from './packed-jobs.ts'
import type { ThreadSources } from './thread-sources.ts'

/** Messages that a thread has at most, so that it never waits for the next one. */
const messagesAhead = 3
const mostThreads = 4

interface Thread {
  readonly worker: Worker
  /** Messages that it has not seen to yet. */
  messages: number
  readonly ended: Promise<void>
}

/** A job, and who is told what became of it. */
export interface Pending {
  readonly job: FileJob
  readonly onResult: OnResult
}

/** Of a message that a thread answers besides taking it. */
export type Answer = Extract<FromThread, { readonly kind: 'part' | 'opened' }>

/**
 * Threads that write files. Each reads by itself from the places it is told of; what one cannot find, or finds
 * damaged, goes to `otherwise`, which may know other copies.
 */
export class WritingThreads {
  readonly #otherwise: FileSink
  readonly #threads: Thread[]
  readonly #messages = new Condition()
  readonly #stop = new Int32Array(new SharedArrayBuffer(4))
  /** Jobs without a result, by number. */
  readonly #pending = new Map<number, Pending>()
  readonly #answers = new Map<number, (answer: Answer) => void>()
  #number = 0

  /** `placed`: tell what stands there in the end. */
  constructor(directories: OpenDirectories, sources: ThreadSources, otherwise: FileSink, placed: boolean) {
    this.#otherwise = otherwise
    const start: ThreadStart = {
      target: String(directories.root.location),
      identity: directories.identity,
      sources,
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
    const thread: Thread = { worker, messages: 0, ended }
    worker.on('message', (message: FromThread) => this.#receive(thread, message))
    worker.on('error', (error) => this.fail(fromSystem(error, 'writing thread')))
    return thread
  }

  /** Numbers the jobs, and makes a message of them. Their results are told as they come. */
  pack(jobs: readonly Pending[]): Uint8Array<ArrayBuffer> {
    const first = this.#number
    this.#number += jobs.length
    for (const [n, pending] of jobs.entries()) this.#pending.set(first + n, pending)
    return packJobs(
      first,
      jobs.map(({ job }) => job),
    )
  }

  /** A number for a message, whose answer goes to `onAnswer`. */
  expect(onAnswer: (answer: Answer) => void): number {
    const number = this.#number++
    this.#answers.set(number, onAnswer)
    return number
  }

  /** Sends something to the thread that has least to do, as soon as one has room. */
  async give(message: ToThread, transfer: ArrayBuffer[] = []): Promise<void> {
    await this.#messages.until(() => this.#threads.some(({ messages }) => messages < messagesAhead))
    const thread = this.#threads.reduce((a, b) => (b.messages < a.messages ? b : a))
    thread.messages++
    thread.worker.postMessage(message, transfer)
  }

  /** Everything fails from now on. */
  fail(error: Error): void {
    this.#messages.fail(error)
  }

  /** Resolves when every job has its result, and everything was answered. */
  async drain(): Promise<void> {
    for (const { worker } of this.#threads) worker.postMessage({ kind: 'commit' } satisfies ToThread)
    await this.#messages.until(() => this.#pending.size === 0 && this.#answers.size === 0)
  }

  /** The threads remove what they have not put in its place, and give up what they have not begun. */
  abort(): Promise<void> {
    Atomics.store(this.#stop, 0, 1)
    return this.end()
  }

  /** Resolves when all threads have ended. */
  async end(): Promise<void> {
    for (const { worker } of this.#threads) worker.postMessage({ kind: 'end' } satisfies ToThread)
    await Promise.all(this.#threads.map(({ ended }) => ended))
  }

  #receive(thread: Thread, message: FromThread): void {
    if (message.kind === 'taken') thread.messages--
    else if (message.kind === 'results') this.#takeResults(message.bytes)
    else if (message.kind === 'failed')
      this.fail(new TidemarkError(message.error.code, message.error.message))
    else {
      this.#answers.get(message.number)?.(message)
      this.#answers.delete(message.number)
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
      this.fail(fromSystem(error, 'write a file'))
    }
  }
}

/** The content was not where the thread looked for it. */
function isMissed({ status, problems }: FileResult): boolean {
  return status === 'failed' && problems.some(([code]) => code === 'missing' || code === 'corrupt')
}
