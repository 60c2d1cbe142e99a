import { constants, deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { corrupt } from '../../errors.ts'
import { hasZstdDeltas, type Features } from './features.ts'

/** How a chunk is written as the difference to another. */
export type DeltaKind = 'deflate' | 'zstd'

export interface Delta {
  readonly kind: DeltaKind
  readonly bytes: Uint8Array
}

/** Deflate sees no further back. */
const deflateWindow = 32 * 1024
/** Fewer bytes are sent as they are, and so are more: zstd finds nothing any more in a dictionary of that size. */
const tooFew = 128
const tooMany = 2 * 1024 * 1024

/**
 * `bytes` as the difference to `old`: compressed with it as dictionary. Undefined when the other side cannot read
 * any, or when nothing is gained.
 */
export function makeDelta(bytes: Uint8Array, old: Uint8Array, theirs: Features): Delta | undefined {
  if (bytes.length < tooFew || old.length === 0) return undefined
  if (bytes.length > tooMany || old.length > tooMany) return undefined
  const delta = compressed(bytes, old, theirs)
  return delta === undefined || delta.bytes.length > bytes.length * 0.75 ? undefined : delta
}

function compressed(bytes: Uint8Array, old: Uint8Array, theirs: Features): Delta | undefined {
  if (theirs.has('zstd-delta') && hasZstdDeltas()) {
    const params = {
      [constants.ZSTD_c_compressionLevel]: 3,
      [constants.ZSTD_c_windowLog]: windowLog(bytes.length + old.length),
    }
    return { kind: 'zstd', bytes: zstdCompressSync(bytes, { dictionary: Buffer.from(old), params }) }
  }
  if (!theirs.has('deflate-delta') || bytes.length > deflateWindow || old.length > deflateWindow)
    return undefined
  return { kind: 'deflate', bytes: deflateRawSync(bytes, { dictionary: old }) }
}

/** Wide enough to reach back to the beginning of the dictionary. */
function windowLog(length: number): number {
  return Math.max(10, Math.ceil(Math.log2(length)))
}

/** The chunk of `length` bytes again. Throws `corrupt` for what is no such difference. */
export function applyDelta({ kind, bytes }: Delta, old: Uint8Array, length: number): Uint8Array {
  return unpack('difference', length, () =>
    kind === 'zstd'
      ? zstdDecompressSync(bytes, { dictionary: Buffer.from(old), ...zstdLimits(length) })
      : inflateRawSync(bytes, {
          dictionary: old.subarray(-deflateWindow),
          maxOutputLength: Math.max(1, length),
        }),
  )
}

/** What keeps hostile data from asking for more memory than `length` bytes need. */
export function zstdLimits(length: number): {
  maxOutputLength: number
  chunkSize: number
  params: Record<number, number>
} {
  const params = { [constants.ZSTD_d_windowLogMax]: 25 }
  // In one piece of memory: to put the output together from many takes longer.
  return { maxOutputLength: Math.max(1, length), chunkSize: length + 64, params }
}

/** What `decompress` gives, which must have `length` bytes. Throws `corrupt`. */
export function unpack(what: string, length: number, decompress: () => Uint8Array): Uint8Array {
  let plain: Uint8Array
  try {
    plain = decompress()
  } catch (error) {
    throw corrupt(what, error instanceof Error ? error.message : String(error))
  }
  if (plain.length !== length) throw corrupt(what, `${plain.length} bytes instead of ${length}`)
  return plain
}
