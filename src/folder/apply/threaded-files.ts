import { Writer } from '../../bytes/writer.ts'
import { fromSystem } from '../../errors.ts'
import { encodeEntry } from '../../object/entry-codec.ts'
import type { Store } from '../../store/store.ts'
import type { Failure, PartJob } from './apply-thread.ts'
import type { FileJob, FileSink, OnResult } from './file-job.ts'
import { FilePlacer, type Begun } from './file-placer.ts'
import type { OpenDirectories } from './open-directories.ts'
import type { Pending, WritingThreads } from './writing-threads.ts'

/**
 * A batch ends with this many bytes or files, whichever comes first. Files that stand together are in a few blocks: where
 * a batch ends both threads open the same ones, so batches of a few megabytes decompress a third more than there is.
 */
const batchBytes = 16 * 1024 * 1024
const batchFiles = 2048
/** Files of at least twice this size are written by all threads at once, in parts of it. */
const partSize = 32 * 1024 * 1024
/** More of them than this are of no use: a file of any size may be nearly all hole. */
const mostParts = 1024

/** Has threads write files from what they can read by themselves: no content passes between threads. */
export class ThreadedFiles implements FileSink {
  readonly #threads: WritingThreads
  readonly #otherwise: FileSink
  readonly #placer: FilePlacer
  #batch: Pending[] = []
  #bytes = 0
  #large: Promise<void> | undefined
  /** Ends the large file whose parts are being written. */
  #giveUpLarge: (() => void) | undefined

  /** `otherwise` is that of the threads; `placed`: tell what stands there in the end. */
  constructor(
    directories: OpenDirectories,
    threads: WritingThreads,
    store: Store,
    otherwise: FileSink,
    placed: boolean,
  ) {
    this.#threads = threads
    this.#otherwise = otherwise
    this.#placer = new FilePlacer(directories, store, { placed })
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
    await this.#threads.give({ kind: 'files', jobs: this.#threads.pack(batch) })
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
      const end = Math.min(start + step, job.entry.size)
      const { promise, resolve } = Promise.withResolvers<Failure | undefined>()
      errors.push(promise)
      const number = this.#threads.expect((answer) =>
        resolve(answer.kind === 'part' ? answer.error : undefined),
      )
      const { directory } = job
      const part: PartJob = { number, fd: begun.file.fd, directory, entry, start, end }
      await this.#threads.give({ kind: 'part', part })
    }
    this.#large = this.#completeLarge(pending, begun, errors).catch((error: unknown) =>
      this.#threads.fail(fromSystem(error, 'write a file')),
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
    await this.#threads.drain()
    await this.#otherwise.drain()
  }

  async finish(): Promise<void> {
    await this.drain()
    await this.#threads.end()
  }

  async abort(): Promise<void> {
    await this.#threads.abort()
    this.#giveUpLarge?.()
    this.#placer.abort()
    await this.#otherwise.abort()
  }
}
