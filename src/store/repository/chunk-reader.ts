import { corrupt, isTidemarkError, TidemarkError } from '../../errors.ts'
import { blockFlags, blockHeaderSize } from '../../object/block.ts'
import { idOf, idToHex } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import type { ChunkIndex, ChunkLocation } from './chunk-index.ts'
import { readBlock } from './pack-reader.ts'
import { packName } from './place.ts'

/** Bytes of decompressed blocks that are kept for the next chunk of the same block. */
const cacheSize = 24 * 1024 * 1024

/** Reads chunks by id out of packs. Every chunk is checked against its id before it is returned. */
export class ChunkReader {
  readonly #bucket: Bucket
  readonly #index: ChunkIndex
  readonly #cache = new Map<string, CachedBlock>()
  #cached = 0

  constructor(bucket: Bucket, index: ChunkIndex) {
    this.#bucket = bucket
    this.#index = index
  }

  /** Rejects `missing` or `corrupt`. The bytes may share memory with other chunks: do not change them. */
  async get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    return this.#atHand(id) ?? this.#fetch(id, options)
  }

  /** The chunk, when its block is in memory: so it is with most, as those that are wanted together stand together. */
  #atHand(id: Id): Uint8Array | undefined {
    const location = this.#index.find(id)
    const block = location && this.#remembered(keyOf(location))?.bytes
    const bytes = block?.subarray(location!.offset, location!.offset + location!.length)
    return bytes !== undefined && idOf(bytes) === id ? bytes : undefined
  }

  async #fetch(id: Id, options?: CallOptions): Promise<Uint8Array> {
    const tried = new Set<Id>()
    let problem: unknown
    for (let refreshed = false; ;) {
      const location = this.#index.find(id, tried)
      if (location !== undefined) {
        // A chunk may be in several packs: one that is gone or damaged does not lose it.
        tried.add(location.pack)
        try {
          return await this.read(id, location, options)
        } catch (error) {
          if (!isTidemarkError(error, 'missing', 'corrupt')) throw error
          problem ??= error
        }
      } else if (refreshed) {
        throw problem ?? new TidemarkError('missing', `chunk ${idToHex(id)} is not in the repository`)
      } else {
        // Chunks may have moved into other packs since the index was read.
        await this.#index.refresh(options)
        refreshed = true
      }
    }
  }

  /** Reads a chunk from a known place. */
  async read(id: Id, location: ChunkLocation, options?: CallOptions): Promise<Uint8Array> {
    const { offset, length } = location
    const bytes = standsByItself(location)
      ? await this.#readPart(location, options)
      : (await this.#sharedBlock(location, options)).subarray(offset, offset + length)
    if (idOf(bytes) !== id) {
      throw corrupt(`chunk ${idToHex(id)}`, `its bytes in pack ${idToHex(location.pack)} do not match it`)
    }
    return bytes
  }

  /** A chunk stored as it is needs nothing decompressed; without the rest of its block there is nothing to cache. */
  #readPart(
    { pack, blockOffset, offset, length }: ChunkLocation,
    options?: CallOptions,
  ): Promise<Uint8Array> {
    const start = blockOffset + blockHeaderSize + offset
    return this.#bucket.get(packName(pack), { ...options, range: { start, end: start + length } })
  }

  /** One read serves all who wait for the block; when the first of them gives it up, the next reads. */
  async #sharedBlock(location: ChunkLocation, options?: CallOptions): Promise<Uint8Array> {
    for (;;) {
      try {
        return await this.#block(location, options)
      } catch (error) {
        if (!isTidemarkError(error, 'cancelled') || options?.signal?.aborted === true) throw error
      }
    }
  }

  #block(location: ChunkLocation, options?: CallOptions): Promise<Uint8Array> {
    const key = keyOf(location)
    const cached = this.#remembered(key)
    if (cached !== undefined) return cached.plain
    const plain = readBlock(
      this.#bucket,
      location.pack,
      { ...location, offset: location.blockOffset },
      options,
    )
    const entry: CachedBlock = { plain, bytes: undefined, size: location.plainLength }
    this.#cache.set(key, entry)
    this.#cached += location.plainLength
    plain.then(
      (bytes) => (entry.bytes = bytes),
      () => this.#drop(key),
    )
    for (const oldest of this.#cache.keys()) {
      if (this.#cached <= cacheSize || oldest === key) break
      this.#drop(oldest)
    }
    return plain
  }

  #remembered(key: string): CachedBlock | undefined {
    const cached = this.#cache.get(key)
    if (cached === undefined) return undefined
    // Set again, so that it is the youngest.
    this.#cache.delete(key)
    this.#cache.set(key, cached)
    return cached
  }

  #drop(key: string): void {
    this.#cached -= this.#cache.get(key)?.size ?? 0
    this.#cache.delete(key)
  }
}

interface CachedBlock {
  readonly plain: Promise<Uint8Array>
  /** Once they are there. */
  bytes: Uint8Array | undefined
  readonly size: number
}

function keyOf({ pack, blockOffset }: ChunkLocation): string {
  return `${pack}${blockOffset}`
}

/** Smaller ones are quicker read with their whole block, of which others are wanted next. */
const large = 65_536

function standsByItself({ flags, length, plainLength }: ChunkLocation): boolean {
  return (flags & blockFlags.zstd) === 0 && (length >= large || plainLength - length < 16)
}
