import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { corrupt } from '../errors.ts'
import { crc32 } from '../hash/crc32.ts'
import { blockHeaderSize, checkBlockHeader } from './block.ts'
import type { BlockHeader } from './block.ts'
import { readId, writeId } from './id.ts'
import type { Id } from './id.ts'

/**
 * A pack: `header, block…, footer, trailer`. The footer repeats what the blocks say of themselves and adds
 * the chunks' ids, so that one read at the end tells all that is inside. A pack is named by its SHA-256.
 */
export interface PackBlock extends BlockHeader {
  /** Where its header begins in the pack. */
  readonly offset: number
  readonly chunks: readonly PackChunk[]
}

export interface PackChunk {
  readonly id: Id
  /** Bytes. */
  readonly length: number
}

/** "TIDEPACK", format version 1, then 16 bytes drawn at random, so that no two packs share a name. */
export const packHeaderSize = 32
const packNonceSize = 16
const packVersion = 1
const startMagic = new TextEncoder().encode('TIDEPACK')
const endMagic = new TextEncoder().encode('PACKTIDE')

/** Footer length and CRC-32, then "PACKTIDE". */
export const trailerSize = 16

/** A pack is not filled beyond its target size plus one block; readers believe this much. */
export const maxPackSize: number = 1024 * 1024 * 1024

export function encodePackHeader(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  if (nonce.length !== packNonceSize) throw new RangeError('a pack nonce has 16 bytes')
  return new Writer(packHeaderSize).raw(startMagic).u32(packVersion).u32(0).raw(nonce).finish()
}

/** Throws `corrupt` unless `bytes` begin as a pack of a known version does. */
export function checkPackHeader(bytes: Uint8Array): void {
  const reader = new Reader(bytes, 'pack header')
  if (!startMagic.every((byte) => byte === reader.u8())) throw reader.fail('not a pack')
  if (reader.u32() !== packVersion || reader.u32() !== 0) throw reader.fail('unknown version')
  reader.take(packNonceSize)
}

/** Footer and trailer. Blocks stand one after the other, the first behind the header. */
export function encodePackFooter(blocks: readonly Omit<PackBlock, 'offset'>[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(4096)
  writer.varint(blocks.length)
  for (const block of blocks) {
    writer.u8(block.flags).varint(block.storedLength).varint(block.plainLength).varint(block.chunks.length)
    for (const chunk of block.chunks) {
      writeId(writer, chunk.id)
      writer.varint(chunk.length)
    }
  }
  const length = writer.length
  return writer
    .u32(length)
    .u32(crc32(writer.view().subarray(0, length)))
    .raw(endMagic)
    .finish()
}

/** How long the footer before this trailer is. Throws `corrupt`. */
export function decodePackTrailer(bytes: Uint8Array): { footerLength: number; crc: number } {
  const reader = new Reader(bytes, 'pack trailer')
  const trailer = { footerLength: reader.u32(), crc: reader.u32() }
  if (!endMagic.every((byte) => byte === reader.u8())) throw reader.fail('the pack has no end')
  reader.end()
  return trailer
}

/** The blocks of a pack of `packSize` bytes, from its footer (without the trailer). Throws `corrupt`. */
export function decodePackFooter(footer: Uint8Array, crc: number, packSize: number): PackBlock[] {
  if (crc32(footer) !== crc) throw corrupt('pack footer', 'damaged (its checksum differs)')
  const reader = new Reader(footer, 'pack footer')
  const blocks: PackBlock[] = []
  let offset = packHeaderSize
  for (let left = reader.varint(); left > 0; left--) {
    const header = { flags: reader.u8(), storedLength: reader.varint(), plainLength: reader.varint() }
    if (!checkBlockHeader(header)) throw reader.fail('bad block')
    const count = reader.varint()
    if (count > reader.remaining / 33) throw reader.fail('more chunks than fit')
    const chunks: PackChunk[] = []
    let total = 0
    for (let i = 0; i < count; i++) {
      const chunk = { id: readId(reader), length: reader.varint() }
      total += chunk.length
      chunks.push(chunk)
    }
    if (total > header.plainLength) throw reader.fail('chunks beyond their block')
    blocks.push({ ...header, offset, chunks })
    offset += blockHeaderSize + header.storedLength
  }
  reader.end()
  if (offset + footer.length + trailerSize !== packSize) throw reader.fail('blocks do not fill the pack')
  return blocks
}
