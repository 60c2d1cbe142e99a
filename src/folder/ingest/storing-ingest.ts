import type { Id } from '../../object/id.ts'
import { DirectoryBucket } from '../../store/directory-bucket.ts'
import type { RepositoryWriter } from '../../store/repository/repository-writer.ts'
import { InlineIngest } from './inline-ingest.ts'
import type { Ingest, Waiting } from './ingest.ts'
import { ThreadedIngest } from './threaded-ingest.ts'

/** From here on it pays to start threads, which cost a tenth of a second of processor time. */
const manyFiles = 1500
const manyBytes = 32 * 1024 * 1024

/**
 * Stores what it reads. A few files are read on this thread; when there are more, and the repository is a
 * local directory, threads are started. The writer is opened when the first file is about to be read, so a
 * scan that finds nothing new never writes.
 */
export class StoringIngest implements Ingest {
  readonly #openWriter: () => Promise<RepositoryWriter>
  readonly #inline: InlineIngest
  readonly #keep: boolean
  readonly #signal: AbortSignal | undefined
  #writer: RepositoryWriter | undefined
  #threads: ThreadedIngest | undefined
  #files = 0
  #bytes = 0

  /** Without `keep` contents are only cut and hashed, not stored. */
  constructor(openWriter: () => Promise<RepositoryWriter>, keep: boolean, signal?: AbortSignal) {
    this.#openWriter = openWriter
    this.#keep = keep
    this.#signal = signal
    const take = keep ? (id: Id, bytes: Uint8Array) => this.#writer?.putData(id, bytes) : () => undefined
    this.#inline = new InlineIngest(take, Infinity, signal)
  }

  submit(file: Waiting): Promise<void> | undefined {
    if (this.#threads) return this.#threads.submit(file)
    void this.#inline.submit(file)
    this.#files++
    this.#bytes += file.identity.size
    return this.#files >= manyFiles || this.#bytes >= manyBytes ? this.#grow() : undefined
  }

  async #grow(): Promise<void> {
    this.#writer ??= await this.#openWriter()
    const { bucket } = this.#writer.repository
    if (bucket instanceof DirectoryBucket) {
      this.#threads = new ThreadedIngest(this.#writer, bucket, this.#keep, this.#signal)
      for (const file of this.#inline.release()) await this.#threads.submit(file)
    } else await this.#inline.drain()
    this.#files = 0
    this.#bytes = 0
  }

  async drain(): Promise<void> {
    if (this.#threads) return this.#threads.drain()
    if (this.#files > 0) this.#writer ??= await this.#openWriter()
    return this.#inline.drain()
  }

  async finish(): Promise<void> {
    await this.drain()
    await this.#inline.finish()
    await this.#threads?.finish()
  }

  async abort(): Promise<void> {
    await this.#inline.abort()
    await this.#threads?.abort()
  }
}
