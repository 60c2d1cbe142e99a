import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { corrupt } from '../../errors.ts'
import { blockFlags, maxPlainLength } from '../../object/block.ts'
import type { BlockHeader } from '../../object/block.ts'

const options = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** A payload as it is stored: compressed when `compress` and when that makes it at least 1/32 smaller. */
export function sealPayload(
  plain: Uint8Array,
  compress: boolean,
  flags: number,
): { header: BlockHeader; payload: Uint8Array } {
  const packed = compress ? zstdCompressSync(plain, options) : undefined
  const small = packed !== undefined && packed.length < plain.length - plain.length / 32
  const payload = small ? packed : plain
  return {
    header: {
      flags: small ? flags | blockFlags.zstd : flags,
      storedLength: payload.length,
      plainLength: plain.length,
    },
    payload,
  }
}

/** Throws `corrupt`; never makes more than the header promises, which is bounded. */
export function openPayload(header: BlockHeader, payload: Uint8Array): Uint8Array {
  if ((header.flags & blockFlags.zstd) === 0) {
    if (header.storedLength !== header.plainLength) throw corrupt('block', 'its two lengths differ')
    return payload
  }
  if (header.plainLength > maxPlainLength) throw corrupt('block', 'too large')
  let plain
  try {
    plain = zstdDecompressSync(payload, { maxOutputLength: Math.max(1, header.plainLength) })
  } catch (error) {
    throw corrupt(
      'block',
      `cannot be decompressed (${error instanceof Error ? error.message : String(error)})`,
    )
  }
  if (plain.length !== header.plainLength) throw corrupt('block', 'has another length than promised')
  return plain
}
