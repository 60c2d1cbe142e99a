import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { corrupt } from '../errors.ts'
import { crc32 } from '../hash/crc32.ts'
import { idToBytes } from './id.ts'
import type { Id } from './id.ts'

/**
 * An index segment says where chunks are: tables of packs, blocks and chunks with records of fixed size, the
 * chunks in ascending order of their ids, and a fan-out table that narrows a look-up to a handful of them.
 * It is searched on disk; only the fan-out table is worth holding in memory. A segment is named by its
 * SHA-256.
 */
export interface SegmentLayout {
  readonly packs: number
  readonly blocks: number
  readonly chunks: number
  readonly superseded: number
  /** The fan-out table has 2^fanoutBits + 1 numbers. */
  readonly fanoutBits: number
  /** Byte offsets of the tables, and of the end. */
  readonly packsAt: number
  readonly blocksAt: number
  readonly chunksAt: number
  readonly fanoutAt: number
  readonly supersededAt: number
  readonly end: number
}

export const segmentHeaderSize = 40
/** Pack id, size in bytes. */
export const packRecordSize = 36
/** Pack number, offset, stored length, plain length, flags. */
export const blockRecordSize = 20
/** Id, block number, offset in the plain block, length. */
export const chunkRecordSize = 44

const magic = new TextEncoder().encode('TIDEINDX')
const version = 1
const maxCount = 0x7fff_ffff
const maxFanoutBits = 24

function layOut(
  packs: number,
  blocks: number,
  chunks: number,
  superseded: number,
  fanoutBits: number,
): SegmentLayout {
  const packsAt = segmentHeaderSize
  const blocksAt = packsAt + packs * packRecordSize
  const chunksAt = blocksAt + blocks * blockRecordSize
  const fanoutAt = chunksAt + chunks * chunkRecordSize
  const supersededAt = fanoutAt + 4 * (2 ** fanoutBits + 1)
  const end = supersededAt + superseded * 32
  return {
    packs,
    blocks,
    chunks,
    superseded,
    fanoutBits,
    packsAt,
    blocksAt,
    chunksAt,
    fanoutAt,
    supersededAt,
    end,
  }
}

/** Reads the header of a segment of `size` bytes. Throws `corrupt`. */
export function decodeSegmentHeader(bytes: Uint8Array, size: number): SegmentLayout {
  const reader = new Reader(bytes, 'index segment')
  if (!magic.every((byte) => byte === reader.u8())) throw reader.fail('not an index segment')
  if (reader.u32() !== version) throw reader.fail('unknown version')
  const fanoutBits = reader.u32()
  const counts = [reader.u32(), reader.u32(), reader.u32(), reader.u32()] as const
  if (reader.u32() !== crc32(bytes.subarray(0, 32))) throw reader.fail('damaged header')
  if (fanoutBits > maxFanoutBits || counts.some((count) => count > maxCount))
    throw reader.fail('impossible size')
  const layout = layOut(...counts, fanoutBits)
  if (layout.end !== size) throw corrupt('index segment', `has ${size} bytes instead of ${layout.end}`)
  return layout
}

/** Which slot of the fan-out table an id belongs to. */
export function fanoutSlot(id: Id, fanoutBits: number): number {
  const high = (id.charCodeAt(0) << 16) | (id.charCodeAt(1) << 8) | id.charCodeAt(2)
  return high >>> (24 - fanoutBits)
}

/** The same of the id that stands in `bytes` at `at`. */
function slotOf(bytes: Uint8Array, at: number, fanoutBits: number): number {
  return ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!) >>> (24 - fanoutBits)
}

/** What the tables hold; numbers refer to the order of `packs` and `blocks`. */
export interface SegmentContent {
  readonly packs: readonly { readonly id: Id; readonly size: number }[]
  readonly blocks: readonly SegmentBlock[]
  /** In any order, 32 bytes an id; the same id may come twice, then one of them is kept. */
  readonly chunks: SegmentChunks
  readonly superseded: readonly Id[]
}

export interface SegmentBlock {
  readonly pack: number
  readonly offset: number
  readonly storedLength: number
  readonly plainLength: number
  readonly flags: number
}

/** Columns, because there may be millions. */
export interface SegmentChunks {
  readonly count: number
  readonly ids: Uint8Array
  readonly blocks: Uint32Array
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
}

export function encodeSegment(content: SegmentContent): Uint8Array<ArrayBuffer> {
  const { packs, blocks, chunks, superseded } = content
  const fanoutBits = Math.min(maxFanoutBits, Math.max(0, Math.ceil(Math.log2((chunks.count || 1) / 16))))
  const order = sortChunks(chunks, fanoutBits)
  const layout = layOut(packs.length, blocks.length, order.length, superseded.length, fanoutBits)
  const bytes = new Uint8Array(layout.end)
  const view = new DataView(bytes.buffer)

  const header = new Writer(segmentHeaderSize).raw(magic).u32(version).u32(fanoutBits)
  header.u32(packs.length).u32(blocks.length).u32(order.length).u32(superseded.length)
  bytes.set(header.u32(crc32(header.view())).u32(0).view())

  for (const [n, pack] of packs.entries()) {
    idToBytes(pack.id, bytes, layout.packsAt + n * packRecordSize)
    view.setUint32(layout.packsAt + n * packRecordSize + 32, pack.size, true)
  }
  for (const [n, block] of blocks.entries()) {
    const at = layout.blocksAt + n * blockRecordSize
    view.setUint32(at, block.pack, true)
    view.setUint32(at + 4, block.offset, true)
    view.setUint32(at + 8, block.storedLength, true)
    view.setUint32(at + 12, block.plainLength, true)
    view.setUint32(at + 16, block.flags, true)
  }
  const fanout = new Uint32Array(2 ** fanoutBits + 1)
  // No objects here, for there may be millions.
  for (let n = 0; n < order.length; n++) {
    const from = order[n]!
    const at = layout.chunksAt + n * chunkRecordSize
    for (let i = 0; i < 32; i++) bytes[at + i] = chunks.ids[from * 32 + i]!
    view.setUint32(at + 32, chunks.blocks[from]!, true)
    view.setUint32(at + 36, chunks.offsets[from]!, true)
    view.setUint32(at + 40, chunks.lengths[from]!, true)
    fanout[slotOf(bytes, at, fanoutBits) + 1]!++
  }
  for (let slot = 0, sum = 0; slot < fanout.length; slot++) {
    sum += fanout[slot]!
    view.setUint32(layout.fanoutAt + 4 * slot, sum, true)
  }
  for (const [n, id] of superseded.entries()) idToBytes(id, bytes, layout.supersededAt + 32 * n)
  return bytes
}

/** The order of the chunks by id, each id once: by slot first, then within each slot, which is small. */
function sortChunks(chunks: SegmentChunks, fanoutBits: number): Uint32Array {
  const { ids, count } = chunks
  const starts = new Uint32Array(2 ** fanoutBits + 1)
  for (let n = 0; n < count; n++) starts[slotOf(ids, n * 32, fanoutBits) + 1]!++
  for (let slot = 1; slot < starts.length; slot++) starts[slot]! += starts[slot - 1]!
  const order = new Uint32Array(count)
  const next = starts.slice()
  for (let n = 0; n < count; n++) order[next[slotOf(ids, n * 32, fanoutBits)]!++] = n
  const compare = (a: number, b: number): number => {
    for (let i = 0; i < 32; i++) {
      const difference = ids[a * 32 + i]! - ids[b * 32 + i]!
      if (difference !== 0) return difference
    }
    return 0
  }
  let kept = 0
  for (let slot = 0; slot + 1 < starts.length; slot++) {
    // oxlint-disable-next-line unicorn/no-array-sort -- in place on purpose: there may be 100,000 slots
    const sorted = order.subarray(starts[slot], starts[slot + 1]).sort(compare)
    for (const n of sorted) {
      if (kept > 0 && compare(order[kept - 1]!, n) === 0) continue
      order[kept++] = n
    }
  }
  return order.subarray(0, kept)
}
