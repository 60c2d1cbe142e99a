import { corrupt, isTidemarkError, TidemarkError } from '../../errors.ts'
import { idOf } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import type { SegmentBlock } from '../../object/segment.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { DirectoryBucket } from '../directory-bucket.ts'
import { idInName, segmentName, segmentPrefix } from './place.ts'
import { SegmentFile } from './segment-file.ts'
import type { ChunkRecord } from './segment-file.ts'

/** Where a chunk is stored. */
export interface ChunkLocation extends Omit<SegmentBlock, 'pack' | 'offset'> {
  readonly pack: Id
  /** Where the block begins in the pack. */
  readonly blockOffset: number
  /** Where the chunk stands in the plain block, and its length. */
  readonly offset: number
  readonly length: number
}

export interface ChunkIndexOptions {
  /**
   * Called instead of failing for a segment that is damaged; the index goes on without it. With this, all
   * of each segment is checked when it is opened.
   */
  readonly onDamaged?: ((segment: Id, error: unknown) => void) | undefined
}

/** The index of a repository: all its segments that no other segment supersedes. */
export class ChunkIndex {
  readonly #bucket: Bucket
  readonly #onDamaged: ChunkIndexOptions['onDamaged']
  #segments: SegmentFile[] = []
  readonly #superseded = new Set<Id>()
  /** The last of the changes to this index: they happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  /** A refresh that has not begun yet, so that it will see what was there when it was asked for. */
  #waiting: Promise<void> | undefined

  constructor(bucket: Bucket, options: ChunkIndexOptions = {}) {
    this.#bucket = bucket
    this.#onDamaged = options.onDamaged
  }

  /** The largest first: there most chunks are found. */
  get segments(): readonly SegmentFile[] {
    return this.#segments
  }

  /** All chunks counted, those of several segments several times. */
  get chunks(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.chunks, 0)
  }

  /** Segments that were still there at the last refresh though others supersede them. They may be deleted. */
  stale: readonly Id[] = []

  /** Takes in what was published since, and lets go of what is gone. */
  async refresh(options?: CallOptions): Promise<void> {
    for (;;) {
      const joined = this.#waiting
      try {
        await (joined ?? this.#startRefresh(options))
        return
      } catch (error) {
        // Another caller has given up a refresh that this one still wants.
        if (joined === undefined || !isTidemarkError(error, 'cancelled')) throw error
        if (options?.signal?.aborted === true) throw error
      }
    }
  }

  #startRefresh(options?: CallOptions): Promise<void> {
    this.#waiting = this.#inTurn(async () => {
      this.#waiting = undefined
      // A segment may vanish between the listing and its opening: another process has replaced it.
      for (let tries = 0; ; tries++) {
        try {
          await this.#load(options)
          return
        } catch (error) {
          if (!isTidemarkError(error, 'missing') || tries === 8) throw error
        }
      }
    })
    return this.#waiting
  }

  /** A listing taken before a publication and applied after it would lose what was published. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #load(options?: CallOptions): Promise<void> {
    const listed = new Set<Id>()
    for await (const { name } of this.#bucket.list(segmentPrefix, options)) {
      const id = idInName(name)
      if (id !== undefined) listed.add(id)
    }
    const known = new Set(this.#segments.map((segment) => segment.id))
    const opened: SegmentFile[] = []
    try {
      for (const id of listed) {
        if (known.has(id) || this.#superseded.has(id)) continue
        const segment = await this.#open(id, options)
        if (segment !== undefined) opened.push(segment)
      }
    } catch (error) {
      for (const segment of opened) segment.close()
      throw error
    }
    for (const segment of opened) for (const id of segment.superseded) this.#superseded.add(id)
    this.#keep([...opened, ...this.#segments], listed)
    this.stale = [...listed].filter((id) => this.#superseded.has(id))
  }

  async #open(id: Id, options?: CallOptions): Promise<SegmentFile | undefined> {
    const onDamaged = this.#onDamaged
    try {
      if (onDamaged === undefined) return await SegmentFile.open(this.#bucket, id, options)
      const bytes = await this.#bucket.get(segmentName(id), options)
      if (idOf(bytes) !== id) throw corrupt(segmentName(id), 'its bytes do not match its name')
      const segment = await SegmentFile.open(this.#bucket, id, options)
      segment.check()
      return segment
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt')) throw error
      if (onDamaged === undefined) {
        const problem = `${error.message} (${segmentName(id)}; repair makes it anew from the packs)`
        throw new TidemarkError('corrupt', problem, { cause: error })
      }
      onDamaged(id, error)
      return undefined
    }
  }

  #keep(segments: readonly SegmentFile[], listed?: ReadonlySet<Id>): void {
    this.#segments = segments.filter((segment) => {
      const keep = !this.#superseded.has(segment.id) && (listed?.has(segment.id) ?? true)
      if (!keep) segment.close()
      return keep
    })
    this.#segments.sort((a, b) => b.chunks - a.chunks)
  }

  /** Makes a segment part of the repository, durably, and of this index. */
  publish(bytes: Uint8Array, options?: CallOptions): Promise<Id> {
    return this.#inTurn(async () => {
      const id = idOf(bytes)
      await this.#bucket.put(segmentName(id), bytes, options)
      const segment = await this.#openPublished(id, bytes, options)
      for (const old of segment.superseded) this.#superseded.add(old)
      this.#keep([segment, ...this.#segments])
      return id
    })
  }

  /** Another process may have merged and deleted it already: then a copy does until the next refresh. */
  async #openPublished(id: Id, bytes: Uint8Array, options?: CallOptions): Promise<SegmentFile> {
    if (!(this.#bucket instanceof DirectoryBucket)) return SegmentFile.fromBytes(bytes)
    try {
      return await SegmentFile.open(this.#bucket, id, options)
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
      return SegmentFile.fromBytes(bytes)
    }
  }

  /** Where `id` is stored in a pack that is not in `avoid`; undefined when nowhere. */
  find(id: Id, avoid?: ReadonlySet<Id>): ChunkLocation | undefined {
    for (const segment of this.#segments) {
      const record = segment.find(id)
      if (record === undefined) continue
      const location = locate(segment, record)
      if (avoid === undefined || !avoid.has(location.pack)) return location
    }
    return undefined
  }

  close(): void {
    for (const segment of this.#segments) segment.close()
    this.#segments = []
  }
}

/** The whole location of a record of `segment`. */
export function locate(segment: SegmentFile, record: ChunkRecord): ChunkLocation {
  const { pack, offset, ...block } = segment.block(record.block)
  return {
    ...block,
    pack: segment.pack(pack).id,
    blockOffset: offset,
    offset: record.offset,
    length: record.length,
  }
}
