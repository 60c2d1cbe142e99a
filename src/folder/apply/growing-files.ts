import { DirectoryBucket } from '../../store/directory-bucket.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Repository } from '../../store/repository/repository.ts'
import type { Store } from '../../store/store.ts'
import type { FileJob, FileSink, OnResult } from './file-job.ts'
import { InlineFiles } from './inline-files.ts'
import type { OpenDirectories } from './open-directories.ts'
import { ThreadedFiles } from './threaded-files.ts'

/** From here on it pays to start threads, which cost a tenth of a second of processor time. */
const manyFiles = 1500
const manyBytes = 32 * 1024 * 1024

/**
 * Writes a few files on this thread; when there are more, and the repository is a local directory, threads
 * are started. `store` is asked for what the repository has not.
 */
export class GrowingFiles implements FileSink {
  readonly #directories: OpenDirectories
  readonly #repository: Repository
  readonly #inline: InlineFiles
  #threads: ThreadedFiles | undefined
  #files = 0
  #bytes = 0

  constructor(
    directories: OpenDirectories,
    repository: Repository,
    store: Store = repository,
    options: CallOptions = {},
  ) {
    this.#directories = directories
    this.#repository = repository
    this.#inline = new InlineFiles(directories, store, options)
  }

  submit(job: FileJob, onResult: OnResult): Promise<void> | undefined {
    if (this.#threads) return this.#threads.submit(job, onResult)
    this.#files++
    this.#bytes += job.entry.size
    if (this.#files < manyFiles && this.#bytes < manyBytes) return this.#inline.submit(job, onResult)
    return this.#grow(job, onResult)
  }

  async #grow(job: FileJob, onResult: OnResult): Promise<void> {
    const { bucket } = this.#repository
    if (!(bucket instanceof DirectoryBucket)) {
      this.#files = 0
      this.#bytes = 0
      await this.#inline.submit(job, onResult)
      return
    }
    await this.#repository.ready()
    this.#threads = new ThreadedFiles(this.#directories, this.#repository, bucket.root, this.#inline)
    await this.#threads.submit(job, onResult)
  }

  drain(): Promise<void> {
    return (this.#threads ?? this.#inline).drain()
  }

  async finish(): Promise<void> {
    await (this.#threads ?? this.#inline).finish()
  }

  async abort(): Promise<void> {
    await (this.#threads ?? this.#inline).abort()
  }
}
