import { DirectoryBucket } from '../../store/directory-bucket.ts'
import type { Repository } from '../../store/repository/repository.ts'
import type { Store } from '../../store/store.ts'
import type { FileJob, FileSink, OnResult } from './file-job.ts'
import { InlineFiles, type SinkOptions } from './inline-files.ts'
import type { OpenDirectories } from './open-directories.ts'
import { ThreadedFiles } from './threaded-files.ts'

/** From here on it pays to start threads, which cost a tenth of a second of processor time. */
const manyFiles = 1500
const manyBytes = 32 * 1024 * 1024

interface Waiting {
  readonly job: FileJob
  readonly onResult: OnResult
}

/**
 * Writes a few files on this thread, when asked to drain; when there are more, and the repository is a local
 * directory, threads are started. `store` is asked for what the repository has not.
 */
export class GrowingFiles implements FileSink {
  readonly #directories: OpenDirectories
  readonly #repository: Repository
  readonly #inline: InlineFiles
  readonly #placed: boolean | undefined
  #threads: ThreadedFiles | undefined
  #waiting: Waiting[] = []
  #bytes = 0

  constructor(
    directories: OpenDirectories,
    repository: Repository,
    store: Store = repository,
    options: SinkOptions = {},
  ) {
    this.#directories = directories
    this.#repository = repository
    this.#inline = new InlineFiles(directories, store, options)
    this.#placed = options.placed
  }

  submit(job: FileJob, onResult: OnResult): Promise<void> | undefined {
    if (this.#threads) return this.#threads.submit(job, onResult)
    if (!(this.#repository.bucket instanceof DirectoryBucket)) return this.#inline.submit(job, onResult)
    this.#waiting.push({ job, onResult })
    this.#bytes += job.entry.size
    const many = this.#waiting.length >= manyFiles || this.#bytes >= manyBytes
    return many ? this.#grow(this.#repository.bucket.root) : undefined
  }

  async #grow(root: string): Promise<void> {
    await this.#repository.ready()
    this.#threads = new ThreadedFiles(this.#directories, this.#repository, root, this.#inline, this.#placed)
    await this.#release(this.#threads)
  }

  async #release(to: FileSink): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { job, onResult } of waiting) await to.submit(job, onResult)
  }

  async drain(): Promise<void> {
    await this.#release(this.#inline)
    await (this.#threads ?? this.#inline).drain()
  }

  async finish(): Promise<void> {
    await this.drain()
    await this.#threads?.finish()
  }

  async abort(): Promise<void> {
    this.#waiting = []
    await (this.#threads ?? this.#inline).abort()
  }
}
