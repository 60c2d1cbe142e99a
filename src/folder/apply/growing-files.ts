import type { Store } from '../../store/store.ts'
import type { ArrivingBlocks } from './arriving-blocks.ts'
import { BlockFiles } from './block-files.ts'
import type { FileJob, FileSink, OnResult } from './file-job.ts'
import { InlineFiles, type SinkOptions } from './inline-files.ts'
import type { OpenDirectories } from './open-directories.ts'
import { SpareChunks } from './spare-chunks.ts'
import type { ThreadSources } from './thread-sources.ts'
import { ThreadedFiles } from './threaded-files.ts'
import { WritingThreads, type Pending } from './writing-threads.ts'

/** From here on it pays to start threads, which cost a tenth of a second of processor time. */
const manyFiles = 1500
const manyBytes = 32 * 1024 * 1024

export interface GrowingOptions extends SinkOptions {
  /** Where threads find contents; resolves with undefined when they find none. */
  readonly sources: () => Promise<ThreadSources | undefined>
  /** Contents that are on their way to `store`, in blocks. */
  readonly arriving?: ArrivingBlocks | undefined
}

/**
 * Writes a few files on this thread, when asked to drain; when there are more, and threads can read what they hold,
 * these are started. `store` is asked for what they do not find.
 */
export class GrowingFiles implements FileSink {
  readonly #directories: OpenDirectories
  readonly #store: Store
  readonly #options: GrowingOptions
  readonly #spare: SpareChunks
  readonly #inline: InlineFiles
  #grown: FileSink | undefined
  #waiting: Pending[] = []
  #bytes = 0

  constructor(directories: OpenDirectories, store: Store, options: GrowingOptions) {
    this.#directories = directories
    this.#store = store
    this.#options = options
    this.#spare = new SpareChunks(store)
    this.#inline = new InlineFiles(directories, this.#spare, options)
  }

  submit(job: FileJob, onResult: OnResult): Promise<void> | undefined {
    if (this.#grown) return this.#grown.submit(job, onResult)
    this.#waiting.push({ job, onResult })
    this.#bytes += job.entry.size
    const many = this.#waiting.length >= manyFiles || this.#bytes >= manyBytes
    return many ? this.#grow() : undefined
  }

  async #grow(): Promise<void> {
    const sources = await this.#options.sources()
    this.#grown = sources === undefined ? this.#inline : this.#start(sources)
    await this.#release(this.#grown)
  }

  #start(sources: ThreadSources): FileSink {
    const { placed = false, arriving, signal } = this.#options
    const threads = new WritingThreads(this.#directories, sources, this.#inline, placed)
    if (arriving !== undefined)
      return new BlockFiles(arriving, threads, this.#inline, this.#spare, { signal })
    return new ThreadedFiles(this.#directories, threads, this.#store, this.#inline, placed)
  }

  async #release(to: FileSink): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { job, onResult } of waiting) await to.submit(job, onResult)
  }

  async drain(): Promise<void> {
    await this.#release(this.#inline)
    await (this.#grown ?? this.#inline).drain()
  }

  async finish(): Promise<void> {
    await this.drain()
    await this.#grown?.finish()
  }

  async abort(): Promise<void> {
    this.#waiting = []
    await (this.#grown ?? this.#inline).abort()
  }
}
