import { crc32 as zlibCrc32 } from 'node:zlib'

/** CRC-32 as in zlib and PNG: guards headers against accidents. Hashes, not this, guard against malice. */
export function crc32(bytes: Uint8Array): number {
  return zlibCrc32(bytes)
}
