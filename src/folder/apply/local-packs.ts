import { closeSync, openSync } from 'node:fs'
import { corrupt, isTidemarkError, systemCode } from '../../errors.ts'
import { blockFlags, blockHeaderSize } from '../../object/block.ts'
import { idOf, idToHex, type Id } from '../../object/id.ts'
import type { SegmentBlock } from '../../object/segment.ts'
import { readFully } from '../../store/durable.ts'
import { openPayload } from '../../store/repository/block-payload.ts'
import { packName } from '../../store/repository/place.ts'
import { SegmentFile, type ChunkRecord, type SharedSegment } from '../../store/repository/segment-file.ts'
import { missingChunk, type Store } from '../../store/store.ts'

/**
 * Decompressed blocks that are kept: files that stand together are in one or two, old chunks are elsewhere. They
 * are kept in memory that is used again: buffers that live for a while pile up before they are collected.
 */
const slots = 6
/** Larger blocks, which are single chunks, are not kept. */
const slotSize = 640 * 1024
const openPacks = 16

/**
 * The chunks of a repository in a local directory, read straight out of its packs with synchronous calls:
 * what a thread that writes files reads from.
 *
 * Unlike other stores it uses its memory again: the bytes that `get` resolves with are valid until the next
 * `get`. It sees what was in the index when it was made, and one copy of each chunk: for what it has not,
 * or finds damaged, ask the repository.
 */
export class LocalPacks implements Store {
  readonly #root: string
  readonly #segments: readonly SegmentFile[]
  readonly #packs = new Map<Id, number>()
  readonly #plain = new Map<SegmentBlock, Uint8Array>()
  #buffer = new Uint8Array(1024 * 1024)

  /** `root` is the directory of the repository's bucket. */
  constructor(root: string, segments: readonly SharedSegment[]) {
    this.#root = root
    this.#segments = segments.flatMap((segment) => SegmentFile.attach(segment, root) ?? [])
  }

  async get(id: Id): Promise<Uint8Array> {
    for (const segment of this.#segments) {
      const record = segment.find(id)
      if (record === undefined) continue
      try {
        return this.#read(id, record, segment)
      } catch (error) {
        if (isTidemarkError(error)) throw error
        if (systemCode(error) === 'ENOENT') throw missingChunk(id, 'its pack is gone')
        throw corrupt(`chunk ${idToHex(id)}`, String(error))
      }
    }
    throw missingChunk(id, 'not in the index')
  }

  async has(ids: readonly Id[]): Promise<Set<Id>> {
    return new Set(ids.filter((id) => this.#segments.some((segment) => segment.find(id) !== undefined)))
  }

  #read(id: Id, { block: number, offset, length }: ChunkRecord, segment: SegmentFile): Uint8Array {
    const block = segment.block(number)
    const pack = segment.pack(block.pack).id
    if (offset + length > block.plainLength) throw corrupt(`chunk ${idToHex(id)}`, 'lies beyond its block')
    const isPlain = (block.flags & blockFlags.zstd) === 0
    const bytes = isPlain
      ? this.#readPack(pack, block, offset, length)
      : this.#decompress(pack, block).subarray(offset, offset + length)
    if (idOf(bytes) === id) return bytes
    throw corrupt(`chunk ${idToHex(id)}`, `its bytes in pack ${idToHex(pack)} do not match it`)
  }

  #decompress(pack: Id, block: SegmentBlock): Uint8Array {
    const known = this.#plain.get(block)
    if (known !== undefined) {
      // Set again, so that it is the youngest.
      this.#plain.delete(block)
      this.#plain.set(block, known)
      return known
    }
    const plain = openPayload(block, this.#readPack(pack, block, 0, block.storedLength))
    if (plain.length > slotSize) return plain
    const slot = this.#slot()
    slot.set(plain)
    this.#plain.set(block, slot)
    // The collector counts such memory late. Small buffers share the memory of others.
    if (plain.length >= Buffer.poolSize) (plain.buffer as ArrayBuffer).transfer(0)
    return slot
  }

  /** Memory for a block: new as long as there are few, then that of the block that was used longest ago. */
  #slot(): Uint8Array {
    for (const [oldest, slot] of this.#plain) {
      if (this.#plain.size < slots) break
      this.#plain.delete(oldest)
      return slot
    }
    return new Uint8Array(slotSize)
  }

  /** Bytes of a block's payload, as stored. */
  #readPack(pack: Id, { offset }: SegmentBlock, start: number, length: number): Uint8Array {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length)
    const bytes = this.#buffer.subarray(0, length)
    if (readFully(this.#pack(pack), bytes, offset + blockHeaderSize + start) < length) {
      throw corrupt(`pack ${idToHex(pack)}`, 'ends early')
    }
    return bytes
  }

  #pack(id: Id): number {
    const known = this.#packs.get(id)
    if (known !== undefined) return known
    const file = openSync(`${this.#root}/${packName(id)}`, 'r')
    this.#packs.set(id, file)
    for (const [oldest, file] of this.#packs) {
      if (this.#packs.size <= openPacks) break
      closeSync(file)
      this.#packs.delete(oldest)
    }
    return file
  }

  close(): void {
    for (const file of this.#packs.values()) closeSync(file)
    this.#packs.clear()
  }
}
