import type * as Zlib from 'node:zlib'
import { corrupt } from '../../errors.ts'
import { blockFlags, maxPlainLength } from '../../object/block.ts'
import type { BlockHeader } from '../../object/block.ts'
import type { SealedBlock } from '../../object/sealed-block.ts'

/** Loaded when it is needed: it takes 4 ms, and some commands never look into a block. */
const zlib = (): typeof Zlib => process.getBuiltinModule('node:zlib')

/**
 * Gives `use` a payload as it is to be stored: compressed when `compress` and when that makes it at least
 * 1/32 smaller. The payload is valid only until `use` returns.
 */
export function sealPayload<T>(
  plain: Uint8Array,
  compress: boolean,
  flags: number,
  use: (header: BlockHeader, payload: Uint8Array) => T,
): T {
  const plainLength = plain.length
  const packed = compress ? compressed(plain) : undefined
  try {
    if (packed === undefined || packed.length >= plainLength - plainLength / 32) {
      return use({ flags, storedLength: plainLength, plainLength }, plain)
    }
    return use({ flags: flags | blockFlags.zstd, storedLength: packed.length, plainLength }, packed)
  } finally {
    // The collector counts such memory late: it would let a hundred megabytes of it gather. Small buffers
    // share the memory of others.
    if (plainLength >= Buffer.poolSize) packed?.buffer.transfer(0)
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
    // In one piece of memory: by default the output is put together from many, which takes a quarter longer.
    const maxOutputLength = Math.max(1, header.plainLength)
    plain = zlib().zstdDecompressSync(payload, { maxOutputLength, chunkSize: header.plainLength + 64 })
  } catch (error) {
    throw corrupt(
      'block',
      `cannot be decompressed (${error instanceof Error ? error.message : String(error)})`,
    )
  }
  if (plain.length !== header.plainLength) throw corrupt('block', 'has another length than promised')
  return plain
}

/** The same for a block that nobody has looked into. */
export function openSealed({ flags, plainLength, payload }: SealedBlock): Uint8Array {
  return openPayload({ flags, plainLength, storedLength: payload.length }, payload)
}

/** One frame of zstd, made quickly rather than small. */
export function compressed(plain: Uint8Array): Buffer<ArrayBuffer> {
  const { constants, zstdCompressSync } = zlib()
  const params = { [constants.ZSTD_c_compressionLevel]: 1 }
  // Room for what zstd may need at worst: it then writes there in one pass, with no buffer of its own between.
  return zstdCompressSync(plain, { params, chunkSize: plain.length + (plain.length >>> 8) + 1024 })
}
