import { Worker } from 'node:worker_threads'
import type { Name } from '../../bytes/name.ts'
import { threadFile } from '../../folder/thread-file.ts'
import type { FromThread, SmallFile, ThreadStart, ToThread } from './placing-thread.ts'

/** A file that has come, whose content was checked. */
export interface Came {
  readonly path: Name
  readonly content: Uint8Array
  readonly mode: number | undefined
  readonly mtimeNs: bigint | undefined
}

/** A thread takes as long to start as it takes to write so many files. */
export const worthThread = 512

/** Of one message: files and bytes. */
const filesAtOnce = 128
const bytesAtOnce = 256 * 1024
/** Messages on their way. */
const mostUnder = 16

/** Small files are written and put in their places by a thread, while this one asks for more and remembers what is there. */
export class ThreadedPlacing<F extends Came> {
  readonly #worker: Worker
  readonly #onPlaced: (files: readonly F[]) => void
  /** Those that are not in their places yet, by their numbers. */
  readonly #under = new Map<number, F>()
  #batch: F[] = []
  #bytes = 0
  #number = 0
  #messages = 0
  #hasFailed = false
  #isDone = false
  #wake: (() => void) | undefined
  #failed: F[] = []

  /** `root` leads to the open directory of the mirror. */
  constructor(root: string, onPlaced: (files: readonly F[]) => void) {
    this.#onPlaced = onPlaced
    const workerData: ThreadStart = { root }
    this.#worker = new Worker(threadFile('placing-thread', import.meta.url), {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
      // Some are opened by the C library, of which Node would warn when they are closed.
      trackUnmanagedFds: false,
    })
    this.#worker.on('message', (message: FromThread) => this.#receive(message))
    const fail = (): void => {
      this.#hasFailed = true
      this.#wake?.()
    }
    this.#worker.on('error', fail)
    this.#worker.on('exit', fail)
  }

  /** Resolves when there is room for more. */
  async add(file: F): Promise<void> {
    this.#batch.push(file)
    this.#bytes += file.content.length
    if (this.#batch.length >= filesAtOnce || this.#bytes >= bytesAtOnce) this.#send()
    while (this.#messages > mostUnder && !this.#hasFailed) await this.#change()
  }

  #send(): void {
    const files: SmallFile[] = this.#batch.map(({ path, content, mode, mtimeNs }) => {
      return { path, mode, mtimeNs, size: content.length }
    })
    const contents = new Uint8Array(this.#bytes)
    let at = 0
    for (const file of this.#batch) {
      contents.set(file.content, at)
      at += file.content.length
      this.#under.set(this.#number++, file)
    }
    this.#post({ kind: 'files', first: this.#number - files.length, files, contents }, [contents.buffer])
    this.#messages++
    this.#batch = []
    this.#bytes = 0
  }

  #post(message: ToThread, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
  }

  #receive(message: FromThread): void {
    if (message.kind === 'taken') this.#messages--
    else if (message.kind === 'done') this.#isDone = true
    else if (message.kind === 'placed') this.#onPlaced(message.numbers.map((number) => this.#take(number)))
    else this.#failed.push(this.#take(message.number))
    this.#wake?.()
  }

  #take(number: number): F {
    const file = this.#under.get(number)!
    this.#under.delete(number)
    return file
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }

  /** It is of no more use. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Resolves, when all are in their places, to those that are not: the thread could not put them there. */
  async placeAll(): Promise<readonly F[]> {
    if (this.#batch.length > 0) this.#send()
    this.#isDone = false
    this.#post({ kind: 'place' })
    while (!this.#isDone && !this.#hasFailed) await this.#change()
    const failed = [...this.#failed, ...this.#under.values()]
    this.#failed = []
    this.#under.clear()
    return failed
  }

  /** Ends the thread. What was not put in its place is not. */
  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}
