import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { corrupt } from '../errors.ts'
import { crc32 } from '../hash/crc32.ts'

/**
 * A block is the unit that is compressed and encrypted: a header, and a payload that holds some chunks. The
 * header tells where the next block is, and the payload ends with the lengths of its chunks, so that a
 * repository whose footers and indexes are lost is still readable by looking for block headers.
 */
export interface BlockHeader {
  readonly flags: number
  /** Bytes of the payload as stored, after the header. */
  readonly storedLength: number
  /** Bytes of the payload once decrypted and decompressed. */
  readonly plainLength: number
}

export const blockFlags = {
  /** The payload is one zstd frame. */
  zstd: 1,
  /** Its chunks are lists, trees and nodes rather than bytes of files. */
  metadata: 2,
} as const
const knownFlags = blockFlags.zstd | blockFlags.metadata

export const blockHeaderSize = 20
/** "TMBK", little-endian. */
const magic = 0x4b424d54
/** A chunk may be 16 MiB, and metadata a little more; nothing larger is believed. */
export const maxPlainLength: number = 32 * 1024 * 1024
const maxStoredLength = maxPlainLength + 65_536

/** `magic, flags, stored length, plain length, CRC-32 of these`, each a 32-bit little-endian number. */
export function encodeBlockHeader(header: BlockHeader): Uint8Array<ArrayBuffer> {
  const writer = new Writer(blockHeaderSize)
  writer.u32(magic).u32(header.flags).u32(header.storedLength).u32(header.plainLength)
  return writer.u32(crc32(writer.view())).finish()
}

/** The header at the start of `bytes`; undefined when there is none, or a damaged one. */
export function decodeBlockHeader(bytes: Uint8Array): BlockHeader | undefined {
  if (bytes.length < blockHeaderSize) return undefined
  const reader = new Reader(bytes.subarray(0, blockHeaderSize), 'block header')
  if (reader.u32() !== magic) return undefined
  const header = { flags: reader.u32(), storedLength: reader.u32(), plainLength: reader.u32() }
  if (reader.u32() !== crc32(bytes.subarray(0, blockHeaderSize - 4))) return undefined
  return checkBlockHeader(header) ? header : undefined
}

export function checkBlockHeader(header: BlockHeader): boolean {
  return (
    (header.flags & ~knownFlags) === 0 &&
    header.storedLength <= maxStoredLength &&
    header.plainLength <= maxPlainLength &&
    header.plainLength >= 4
  )
}

/** What stands after the chunks of a payload: their lengths, then the size of this table itself. */
export function encodeChunkTable(lengths: readonly number[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(4 * lengths.length + 4)
  for (const length of lengths) writer.varint(length)
  return writer.u32(writer.length).finish()
}

/** Where the chunks of a whole payload stand in it. Throws `corrupt`. */
export function decodeChunkTable(plain: Uint8Array): { start: number; end: number }[] {
  if (plain.length < 4) throw corrupt('block', 'too short')
  const size = new Reader(plain.subarray(-4), 'block').u32()
  if (size > plain.length - 4) throw corrupt('block', 'its chunk table is longer than itself')
  const reader = new Reader(plain.subarray(plain.length - 4 - size, -4), 'chunk table')
  const chunks: { start: number; end: number }[] = []
  let end = 0
  while (reader.remaining > 0) {
    const start = end
    end += reader.varint()
    if (end > plain.length - 4 - size) throw reader.fail('chunks beyond the block')
    chunks.push({ start, end })
  }
  if (end !== plain.length - 4 - size) throw corrupt('block', 'bytes that belong to no chunk')
  return chunks
}
