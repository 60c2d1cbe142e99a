import type { Id } from '../../object/id.ts'
import type { ChunkRecord, SegmentFile } from './segment-file.ts'

/** A record of the index: the number of its segment in {@link Marks.segments}, and the record. */
export interface MarkedRecord {
  readonly segment: number
  readonly record: ChunkRecord
}

/**
 * A set of chunks, as two bits for each record of an index that stays as it is meanwhile: one says that the
 * chunk is in use, the other that it was entered as a list or tree. They differ because a file may hold the
 * very bytes of a tree. Of a chunk that is stored several times one record stands for all: if possible one in
 * a pack that is not in `avoid`.
 */
export class Marks {
  readonly segments: readonly SegmentFile[]
  readonly #used: readonly Uint8Array[]
  readonly #entered: readonly Uint8Array[]
  /** For each segment that names a pack to avoid: which of its blocks are in such packs. */
  readonly #avoided: readonly (Uint8Array | undefined)[]

  constructor(segments: readonly SegmentFile[], avoid: ReadonlySet<Id> = new Set()) {
    this.segments = segments
    this.#used = segments.map(bitsFor)
    this.#entered = segments.map(bitsFor)
    this.#avoided = segments.map((segment) => (avoid.size === 0 ? undefined : blocksIn(segment, avoid)))
  }

  /** Takes a chunk in; false when the index does not know it. */
  use(id: Id): boolean {
    const found = this.find(id)
    if (found !== undefined) setBit(this.#used[found.segment]!, found.record.number)
    return found !== undefined
  }

  /** Takes a list or tree in; false when it was in as one, undefined when the index does not know it. */
  enter(id: Id): boolean | undefined {
    const found = this.find(id)
    if (found === undefined) return undefined
    setBit(this.#used[found.segment]!, found.record.number)
    return setBit(this.#entered[found.segment]!, found.record.number)
  }

  /** True when the chunk is in. */
  has(id: Id): boolean {
    const found = this.find(id)
    return found !== undefined && this.hasRecord(found.segment, found.record.number)
  }

  /** True for the record that stands for a chunk that is in. */
  hasRecord(segment: number, number: number): boolean {
    return (this.#used[segment]![number >> 3]! & (1 << (number & 7))) !== 0
  }

  /** The record that stands for `id`. */
  find(id: Id): MarkedRecord | undefined {
    let second: MarkedRecord | undefined
    for (const [n, segment] of this.segments.entries()) {
      const record = segment.find(id)
      if (record === undefined) continue
      if (this.#avoided[n]?.[record.block] !== 1) return { segment: n, record }
      second ??= { segment: n, record }
    }
    return second
  }
}

function bitsFor(segment: SegmentFile): Uint8Array {
  return new Uint8Array(Math.ceil(segment.chunks / 8))
}

/** Sets a bit; true when it was not set. */
function setBit(bits: Uint8Array, number: number): boolean {
  const mask = 1 << (number & 7)
  const was = bits[number >> 3]!
  bits[number >> 3] = was | mask
  return (was & mask) === 0
}

function blocksIn(segment: SegmentFile, packs: ReadonlySet<Id>): Uint8Array | undefined {
  const tables = segment.tables()
  const inside = tables.packs.map((pack) => packs.has(pack.id))
  return inside.includes(true)
    ? Uint8Array.from(tables.blocks, (block) => Number(inside[block.pack]))
    : undefined
}
