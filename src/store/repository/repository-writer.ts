import { isTidemarkError } from '../../errors.ts'
import type { Id } from '../../object/id.ts'
import { decodePackFooter, decodePackTrailer, trailerSize } from '../../object/pack.ts'
import type { PackChunk } from '../../object/pack.ts'
import { idOf } from '../../object/id.ts'
import { encodeSnapshot, type Snapshot } from '../../object/snapshot.ts'
import type { SealedBlock } from '../../object/sealed-block.ts'
import { SegmentBuilder } from '../../object/segment-builder.ts'
import type { CallOptions } from '../bucket.ts'
import type { WritableStore } from '../store.ts'
import { compactIndex } from './compaction.ts'
import { listCondemned } from './condemned.ts'
import { takeLease } from './leases.ts'
import type { Lease } from './leases.ts'
import { PackWriter } from './pack-writer.ts'
import type { FinishedPack } from './pack-writer.ts'
import type { Repository } from './repository.ts'
import { dropTimeline, noteTimeline } from './timelines.ts'

export interface PublishOptions extends CallOptions {
  /** Only the trees are kept here, whatever the snapshot says. */
  readonly timeline?: boolean | undefined
}

/**
 * One writer's stay in a repository, under a lease. What it puts is part of the repository once `flush`
 * resolves: packs first, then the index segment that tells of them; a snapshot comes after both.
 */
export class RepositoryWriter implements WritableStore {
  readonly repository: Repository
  /** Packs not to rely on: they are to be deleted. */
  get condemned(): ReadonlySet<Id> {
    return this.#condemned
  }

  readonly #condemned: Set<Id>
  readonly #lease: Lease
  readonly #metadata: PackWriter
  readonly #data: PackWriter
  #builder = new SegmentBuilder()
  /** Chunks put since the last flush began, and those put before it while it goes on. */
  #pending = new Set<Id>()
  #settling: ReadonlySet<Id> = new Set()
  #uncertain = false
  #flushing: Promise<void> = Promise.resolve()
  /** Bytes of the packs that this writer has added. */
  stored = 0

  private constructor(repository: Repository, lease: Lease, condemned: Set<Id>) {
    this.repository = repository
    this.#condemned = condemned
    this.#lease = lease
    const onPack = (pack: FinishedPack): void => this.addPack(pack)
    this.#metadata = new PackWriter(repository.bucket, { metadata: true, onPack })
    this.#data = new PackWriter(repository.bucket, { metadata: false, onPack })
  }

  /** The order matters: the lease, then what is condemned, then the index. */
  static async open(repository: Repository, options?: CallOptions): Promise<RepositoryWriter> {
    const lease = await takeLease(repository.bucket, options)
    try {
      const records = await listCondemned(repository.bucket, options)
      await repository.index.refresh(options)
      return new RepositoryWriter(repository, lease, new Set(records.flatMap((record) => record.packs)))
    } catch (error) {
      await lease.release()
      throw error
    }
  }

  /** True when the repository has `id`, or will at the next flush, in a pack that is there to stay. */
  holds(id: Id): boolean {
    return this.#isPending(id) || this.repository.index.find(id, this.#condemned) !== undefined
  }

  #isPending(id: Id): boolean {
    return this.#pending.has(id) || this.#settling.has(id)
  }

  /** Packs that the holder of this writer is about to condemn: what is put from now on goes elsewhere. */
  distrust(packs: Iterable<Id>): void {
    for (const pack of packs) this.#condemned.add(pack)
  }

  async get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    // What waits in a block or pack can be read once it is published; few callers read what they just put.
    if (this.#isPending(id)) await this.flush(options)
    return this.repository.chunks.get(id, options)
  }

  async has(ids: readonly Id[]): Promise<Set<Id>> {
    return new Set(ids.filter((id) => this.holds(id)))
  }

  /** Adds a chunk of metadata unless it is there. Await the promise, if there is one, before adding more. */
  putMetadata(id: Id, bytes: Uint8Array): Promise<void> | undefined {
    return this.#put(this.#metadata, id, bytes)
  }

  /** The same for a chunk of a file. */
  putData(id: Id, bytes: Uint8Array): Promise<void> | undefined {
    return this.#put(this.#data, id, bytes)
  }

  /** The same for all chunks of a block, in its order; it is left out when they are all there. */
  putBlock(block: SealedBlock, chunks: readonly PackChunk[]): Promise<void> | undefined {
    if (chunks.every(({ id }) => this.holds(id))) return undefined
    for (const { id } of chunks) this.#pending.add(id)
    return this.#data.addBlock(block, chunks)
  }

  async put(id: Id, bytes: Uint8Array): Promise<void> {
    await this.putData(id, bytes)
  }

  #put(packs: PackWriter, id: Id, bytes: Uint8Array): Promise<void> | undefined {
    if (this.holds(id)) return undefined
    this.#pending.add(id)
    return packs.add(id, bytes)
  }

  /** Takes in a pack that is durable already, written by this process: the next segment will tell of it. */
  addPack(pack: FinishedPack): void {
    const { crc } = decodePackTrailer(pack.end.subarray(-trailerSize))
    const blocks = decodePackFooter(pack.end.subarray(0, -trailerSize), crc, pack.size)
    this.#builder.addWholePack(pack.id, pack.size, blocks)
    this.stored += pack.size
  }

  /** Chunks in packs that no segment tells of yet. */
  get unpublished(): number {
    return this.#builder.chunks
  }

  /**
   * Once it has failed, every later flush fails too: what was put is then neither here nor there, and no
   * snapshot may be published that needs it.
   */
  flush(options?: CallOptions): Promise<void> {
    const flushed = this.#flushing.then(() => this.#flush(options))
    this.#flushing = flushed
    flushed.catch(() => {})
    return flushed
  }

  async #flush(options?: CallOptions): Promise<void> {
    this.#settling = this.#pending
    this.#pending = new Set()
    const flushed = await Promise.allSettled([this.#metadata.flush(), this.#data.flush()])
    for (const one of flushed) if (one.status === 'rejected') throw one.reason
    // Packs that are finished while the segment is on its way belong to the next one.
    const builder = this.#builder
    this.#builder = new SegmentBuilder()
    if (builder.packs > 0) {
      const segment = builder.finish()
      await this.#certainly(this.repository.index.publish(segment, options))
      this.stored += segment.length
    }
    this.#settling = new Set()
  }

  /** Makes everything put so far durable, then the snapshot that needs it. */
  async publish(snapshot: Snapshot, options: PublishOptions = {}): Promise<Id> {
    await this.flush(options)
    if (options.timeline === true && snapshot.contents)
      await noteTimeline(this.repository.bucket, idOf(encodeSnapshot(snapshot)), options)
    else if (options.timeline === false)
      await dropTimeline(this.repository.bucket, idOf(encodeSnapshot(snapshot)), options)
    return this.#certainly(this.repository.snapshots.write(snapshot, options))
  }

  /** A put that was given up may take place later: until then what it names must not be deleted. */
  async #certainly<T>(put: Promise<T>): Promise<T> {
    try {
      return await put
    } catch (error) {
      this.#uncertain ||= isTidemarkError(error, 'timeout', 'cancelled')
      throw error
    }
  }

  /**
   * Gives up the lease. What was put and not flushed is lost. When a segment or snapshot may still come to
   * be, or the lease cannot be deleted, it stays until this process has ended: that makes a pruner wait, and
   * is no failure of what was written.
   */
  async close(): Promise<void> {
    this.#metadata.abort()
    this.#data.abort()
    if (!this.#uncertain) await this.#lease.release().catch(() => {})
  }

  /** Merges small segments of the index when there are many. */
  compact(options?: CallOptions): Promise<void> {
    const { bucket, index } = this.repository
    return this.#certainly(compactIndex(bucket, index, this.#condemned, options))
  }
}
