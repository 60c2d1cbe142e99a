import { zstdDecompressSync } from 'node:zlib'
import { Reader } from '../../bytes/reader.ts'
import { blockFlags } from '../../object/block.ts'
import { readId } from '../../object/id.ts'
import type { ChunkInBlock, FilledBlock } from '../../store/block-source.ts'
import { unpack, zstdLimits, type DeltaKind } from './delta.ts'
import { maxBatch, maxChunk } from './limits.ts'

/** An item of a batch: a chunk, the difference to one, a block with some, or undefined when there is none. */
export type Item =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: DeltaKind; readonly bytes: Uint8Array; readonly length: number }
  | { readonly kind: 'block'; readonly filled: FilledBlock }
  | undefined

/** How an item begins. */
export const marks = { absent: 0, bytes: 1, deflate: 2, zstd: 3, block: 4 } as const
/** How a batch begins. */
export const plainBatch = 0
export const zstdBatch = 1
/** More items are not in one batch. */
export const maxItems = 4096
/** Behind the marks of a batch and of an item. */
const firstItem = 2
/** No more chunks share a block. */
const maxInBlock = 8192

/** Throws `corrupt`. Memory is bounded by `maxBatch`. */
export function decodeBatch(message: Uint8Array): Item[] {
  const reader = new Reader(message, 'batch')
  const kind = reader.u8()
  if (kind === plainBatch) return readItems(reader)
  if (kind !== zstdBatch) throw reader.fail(`unknown compression ${kind}`)
  const length = reader.varint()
  if (length > maxBatch) throw reader.fail(`a batch of ${length} bytes`)
  const packed = reader.take(reader.remaining)
  const plain = unpack('batch', length, () => zstdDecompressSync(packed, zstdLimits(length)))
  const inner = new Reader(plain, 'batch')
  if (inner.u8() !== plainBatch) throw inner.fail('a batch within a batch')
  return readItems(inner)
}

function readItems(reader: Reader): Item[] {
  const items: Item[] = []
  while (reader.remaining > 0) {
    if (items.length === maxItems) throw reader.fail('too many items')
    items.push(readItem(reader))
  }
  return items
}

function readItem(reader: Reader): Item {
  const mark = reader.u8()
  if (mark === marks.absent) return undefined
  if (mark === marks.block) return readBlock(reader)
  if (mark === marks.bytes) return { kind: 'bytes', bytes: reader.prefixed(maxChunk) }
  if (mark !== marks.deflate && mark !== marks.zstd) throw reader.fail(`unknown item ${mark}`)
  const length = reader.varint()
  if (length > maxChunk) throw reader.fail(`a chunk of ${length} bytes`)
  return { kind: mark === marks.deflate ? 'deflate' : 'zstd', bytes: reader.prefixed(maxChunk), length }
}

function readBlock(reader: Reader): Item {
  const isFirst = reader.offset === firstItem
  const flags = reader.u8()
  const plainLength = reader.varint()
  if ((flags & ~blockFlags.zstd) !== 0 || plainLength > maxBatch) throw reader.fail('a bad block')
  const bytes = reader.prefixed(maxBatch)
  if (flags === 0 && bytes.length !== plainLength) throw reader.fail('a block of two lengths')
  const chunks: ChunkInBlock[] = []
  for (let left = reader.varint(); left > 0; left--) {
    if (chunks.length === maxInBlock) throw reader.fail('too many chunks in a block')
    const id = readId(reader)
    const [offset, length] = [reader.varint(), reader.varint()]
    if (length > maxChunk || offset + length > plainLength) throw reader.fail('a chunk beyond its block')
    chunks.push({ id, offset, length })
  }
  if (chunks.length === 0) throw reader.fail('a block of which nothing was wished for')
  const isAlone = isFirst && reader.remaining === 0
  const payload = isAlone ? ownMemory(bytes, reader.bytes) : new Uint8Array(bytes)
  return { kind: 'block', filled: { block: { flags, plainLength, payload }, chunks } }
}

/** A part of a message in memory that nobody else uses, for it may go on to another thread. */
function ownMemory(part: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const isOwn = message.byteLength === message.buffer.byteLength
  return isOwn ? (part as Uint8Array<ArrayBuffer>) : new Uint8Array(part)
}
