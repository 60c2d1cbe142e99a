import type { Folder } from '../folder/folder.ts'
import type { Id } from '../object/id.ts'
import type { PackChunk } from '../object/pack.ts'
import type { SealedBlock } from '../object/sealed-block.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Repository } from '../store/repository/repository.ts'
import type { RepositoryWriter } from '../store/repository/repository-writer.ts'
import type { WorkingCopyStore } from '../folder/working-copy-store.ts'
import type { Store } from '../store/store.ts'
import { ChunkOverlay } from './chunk-overlay.ts'
import type { Head } from './head.ts'
import type { Advance, AdvanceOptions, Receipt } from './replica.ts'

/** So much of what arrives is made durable at a time: what an interrupted transfer has fetched is not fetched again. */
const flushEvery = 64 * 1024 * 1024
const overlayCapacity = 32 * 1024 * 1024
/** An entry is gone through in the time in which a line of 100 Mbit/s brings so many bytes. */
const bytesPerEntry = 16
/** Less than this is written to the working files before it is in the repository. */
const little = 4 * 1024 * 1024

/** How a receipt has the working files moved on. */
export type MoveOn = (
  writer: RepositoryWriter,
  from: Head,
  to: Head,
  source: Store,
  options: AdvanceOptions,
) => Promise<Advance>

/** What comes from elsewhere goes into the folder's repository, under a lease, and from there into the working files. */
export class FolderReceipt implements Receipt {
  readonly keepsContents: boolean
  readonly #writer: RepositoryWriter
  readonly #workingCopy: WorkingCopyStore | undefined
  readonly #moveOn: MoveOn
  readonly near: Store = {
    get: (id, options) => this.#get(id, this.#workingCopy?.near, options),
    has: (ids, options) => this.#has(ids, this.#workingCopy?.near, options),
  }
  readonly searchWorth: number
  readonly #overlay = new ChunkOverlay(overlayCapacity)
  /** Contents that nobody else has, where none are kept: merged texts. */
  readonly #made = new Map<Id, Uint8Array>()
  #unflushed = 0

  private constructor(
    writer: RepositoryWriter,
    keepsContents: boolean,
    workingCopy: WorkingCopyStore | undefined,
    moveOn: MoveOn,
  ) {
    this.#writer = writer
    this.keepsContents = keepsContents
    this.#workingCopy = workingCopy
    this.searchWorth = bytesPerEntry * (workingCopy?.count ?? 0)
    this.#moveOn = moveOn
  }

  /** `workingCopy` has contents that the repository does not keep. */
  static async open(
    folder: Folder,
    repository: Repository,
    workingCopy: WorkingCopyStore | undefined,
    moveOn: MoveOn,
    options?: CallOptions,
  ): Promise<FolderReceipt> {
    const writer = await repository.write(options)
    return new FolderReceipt(writer, folder.settings.history === 'kept', workingCopy, moveOn)
  }

  get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    return this.#get(id, this.#workingCopy, options)
  }

  async #get(id: Id, workingCopy: Store | undefined, options?: CallOptions): Promise<Uint8Array> {
    const known = this.#overlay.get(id) ?? this.#made.get(id)
    if (known !== undefined) return known
    if (workingCopy === undefined || this.#writer.holds(id)) return this.#writer.get(id, options)
    return workingCopy.get(id, options)
  }

  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    return this.#has(ids, this.#workingCopy, options)
  }

  async #has(ids: readonly Id[], workingCopy: Store | undefined, options?: CallOptions): Promise<Set<Id>> {
    const here = new Set(ids.filter((id) => this.#writer.holds(id) || this.#made.has(id)))
    const rest = ids.filter((id) => !here.has(id))
    if (workingCopy !== undefined && rest.length > 0)
      for (const id of await workingCopy.has(rest, options)) here.add(id)
    return here
  }

  putTree(id: Id, bytes: Uint8Array): Promise<void> | undefined {
    this.#overlay.put(id, bytes)
    return this.#writer.putMetadata(id, bytes)
  }

  putContent(id: Id, bytes: Uint8Array): Promise<void> | undefined {
    if (!this.keepsContents) {
      this.#made.set(id, bytes.slice())
      return undefined
    }
    this.#overlay.put(id, bytes)
    this.#unflushed += bytes.length
    const put = this.#writer.putData(id, bytes)
    return this.#unflushed < flushEvery ? put : this.#flush(put)
  }

  putBlock(block: SealedBlock, chunks: readonly PackChunk[]): Promise<void> | undefined {
    this.#unflushed += block.plainLength
    const put = this.#writer.putBlock(block, chunks)
    return this.#unflushed < flushEvery ? put : this.#flush(put)
  }

  async #flush(put?: Promise<void>): Promise<void> {
    await put
    this.#unflushed = 0
    await this.#writer.flush()
  }

  async putSnapshot({ snapshot }: Head): Promise<void> {
    await this.#writer.publish(snapshot, { timeline: true })
  }

  async advance(from: Head, to: Head, source: Store, options: AdvanceOptions = {}): Promise<Advance> {
    // Much is read from the packs by several threads.
    if (this.#unflushed > little) await this.#flush()
    return this.#moveOn(this.#writer, from, to, source, options)
  }

  close(): Promise<void> {
    return this.#writer.close()
  }
}
