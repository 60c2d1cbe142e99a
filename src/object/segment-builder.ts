import { idToBytes } from './id.ts'
import type { Id } from './id.ts'
import type { PackBlock } from './pack.ts'
import { encodeSegment } from './segment.ts'
import type { SegmentBlock } from './segment.ts'

/** Collects what packs hold and makes one index segment of it: 44 bytes of memory a chunk. */
export class SegmentBuilder {
  readonly #packs: { id: Id; size: number }[] = []
  readonly #blocks: SegmentBlock[] = []
  #ids = new Uint8Array(32 * 64)
  #chunkBlocks = new Uint32Array(64)
  #offsets = new Uint32Array(64)
  #lengths = new Uint32Array(64)
  #count = 0

  /** Chunks added so far. */
  get chunks(): number {
    return this.#count
  }

  get packs(): number {
    return this.#packs.length
  }

  /** Adds a pack of `size` bytes and returns its number. */
  addPack(id: Id, size: number): number {
    return this.#packs.push({ id, size }) - 1
  }

  /** Adds a block of a pack added before and returns its number. */
  addBlock(block: SegmentBlock): number {
    return this.#blocks.push(block) - 1
  }

  /** Adds a chunk of a block added before, `offset` being where it stands in the plain block. */
  addChunk(id: Id, block: number, offset: number, length: number): void {
    const n = this.#count++
    if (n === this.#lengths.length) this.#grow()
    idToBytes(id, this.#ids, n * 32)
    this.#chunkBlocks[n] = block
    this.#offsets[n] = offset
    this.#lengths[n] = length
  }

  /** Adds a pack with all that its footer lists. */
  addWholePack(id: Id, size: number, blocks: readonly PackBlock[]): void {
    const pack = this.addPack(id, size)
    for (const { offset, storedLength, plainLength, flags, chunks } of blocks) {
      const block = this.addBlock({ pack, offset, storedLength, plainLength, flags })
      let start = 0
      for (const chunk of chunks) {
        this.addChunk(chunk.id, block, start, chunk.length)
        start += chunk.length
      }
    }
  }

  /** The segment; `superseded` names segments whose whole content it repeats or corrects. */
  finish(superseded: readonly Id[] = []): Uint8Array<ArrayBuffer> {
    const chunks = {
      count: this.#count,
      ids: this.#ids,
      blocks: this.#chunkBlocks,
      offsets: this.#offsets,
      lengths: this.#lengths,
    }
    return encodeSegment({ packs: this.#packs, blocks: this.#blocks, chunks, superseded })
  }

  #grow(): void {
    const capacity = this.#lengths.length * 2
    this.#ids = enlarge(this.#ids, new Uint8Array(32 * capacity))
    this.#chunkBlocks = enlarge(this.#chunkBlocks, new Uint32Array(capacity))
    this.#offsets = enlarge(this.#offsets, new Uint32Array(capacity))
    this.#lengths = enlarge(this.#lengths, new Uint32Array(capacity))
  }
}

function enlarge<T extends Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
