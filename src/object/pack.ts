import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { corrupt } from '../errors.ts'
import { crc32 } from '../hash/crc32.ts'
import { sha256Parts } from '../hash/sha256.ts'
import { blockHeaderSize, checkBlockHeader } from './block.ts'
import type { BlockHeader } from './block.ts'
import { readId, writeId } from './id.ts'
import type { Id } from './id.ts'

/**
 * A pack: `header, block…, footer, trailer`. The footer repeats what the blocks say of themselves and adds
 * the chunks' ids, so that one read at the end tells all that is inside. What names a pack is {@link packId}.
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

/** "TIDEPACK", the format's version, then 16 bytes drawn at random, so that no two packs share a name. */
export const packHeaderSize = 32
const packNonceSize = 16
/** Packs of version 1 are named by the SHA-256 of all their bytes, and otherwise the same. */
export type PackVersion = 1 | 2
const startMagic = new TextEncoder().encode('TIDEPACK')
const endMagic = new TextEncoder().encode('PACKTIDE')

/** Footer length and CRC-32, then "PACKTIDE". */
export const trailerSize = 16

/** A pack is not filled beyond its target size plus one block; readers believe this much. */
export const maxPackSize: number = 1024 * 1024 * 1024

export function encodePackHeader(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  if (nonce.length !== packNonceSize) throw new RangeError('a pack nonce has 16 bytes')
  return new Writer(packHeaderSize).raw(startMagic).u32(2).u32(0).raw(nonce).finish()
}

/** The version of the pack that begins with `bytes`. Throws `corrupt` unless it is a known one. */
export function checkPackHeader(bytes: Uint8Array): PackVersion {
  const reader = new Reader(bytes, 'pack header')
  if (!startMagic.every((byte) => byte === reader.u8())) throw reader.fail('not a pack')
  const version = reader.u32()
  if ((version !== 1 && version !== 2) || reader.u32() !== 0) throw reader.fail('unknown version')
  reader.take(packNonceSize)
  return version
}

/**
 * What names a pack of version 2: the SHA-256 of its header and its end, which is footer and trailer. The
 * nonce makes it the only one, and the ids in the footer vouch for every chunk: hashing the blocks once more
 * would tell no more.
 */
export function packId(header: Uint8Array, end: Uint8Array): Id {
  return sha256Parts([header, end])
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
