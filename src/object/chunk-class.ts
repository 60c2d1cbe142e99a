import { corrupt } from '../errors.ts'

/** How large chunks are cut, in bytes. */
export interface ChunkSize {
  /** No chunk but a content's last is smaller. At least 64. */
  readonly min: number
  /** What the cuts aim at: a power of two from 4 KiB to 4 MiB. */
  readonly average: number
  /** No chunk is larger. At most 16 MiB. */
  readonly max: number
}

/** The size of chunks for contents of up to `upTo` bytes. */
export interface ChunkClass extends ChunkSize {
  readonly upTo: number
}

const KiB = 1024
const MiB = 1024 * KiB

/**
 * Small chunks for small contents, larger ones for huge contents, so that neither deduplication nor the index
 * suffers. The bounds are three times a power of two because sizes close to a power of two are common: a
 * content must not change its class, and with it every chunk, by growing a little.
 */
export const chunkClasses: readonly ChunkClass[] = [
  { upTo: 3 * MiB, min: 4 * KiB, average: 16 * KiB, max: 64 * KiB },
  { upTo: 384 * MiB, min: 16 * KiB, average: 64 * KiB, max: 256 * KiB },
  { upTo: 1536 * MiB, min: 64 * KiB, average: 256 * KiB, max: MiB },
  { upTo: Number.MAX_SAFE_INTEGER, min: 256 * KiB, average: MiB, max: 4 * MiB },
]

/** The class of a content of `length` bytes. `classes` has the form that {@link checkChunkClasses} lets pass. */
export function chunkClass(length: number, classes: readonly ChunkClass[] = chunkClasses): ChunkClass {
  for (const one of classes) if (length <= one.upTo) return one
  throw new RangeError(`no chunk class for a content of ${length} bytes`)
}

const maxClasses = 16

/**
 * Classes read from outside, as JSON gives them: ascending in `upTo`, the last up to 2^53 - 1 so that every
 * length has a class, each size within what the kernels bear. Throws `corrupt` for anything else.
 */
export function checkChunkClasses(value: unknown): readonly ChunkClass[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxClasses) {
    throw corrupt('chunk classes', `not a list of 1 to ${maxClasses}`)
  }
  const classes: ChunkClass[] = []
  let above = 0
  for (const item of value as unknown[]) {
    const { upTo, min, average, max } = (item ?? {}) as Record<keyof ChunkClass, unknown>
    const size = checkChunkSize(min, average, max)
    if (!isWhole(upTo) || upTo <= above) throw corrupt('chunk classes', 'bounds that do not ascend')
    classes.push({ upTo, ...size })
    above = upTo
  }
  if (above !== Number.MAX_SAFE_INTEGER) throw corrupt('chunk classes', 'lengths without a class')
  return classes
}

function checkChunkSize(min: unknown, average: unknown, max: unknown): ChunkSize {
  if (!isWhole(min) || !isWhole(average) || !isWhole(max)) throw corrupt('chunk size', 'not whole numbers')
  if (average < 4 * KiB || average > 4 * MiB || Math.log2(average) % 1 !== 0) {
    throw corrupt('chunk size', `an average of ${average}, not a power of two from 4 KiB to 4 MiB`)
  }
  if (min < 64 || min > average)
    throw corrupt('chunk size', `a minimum of ${min}, not from 64 to the average`)
  if (max < average || max > 16 * MiB) {
    throw corrupt('chunk size', `a maximum of ${max}, not from the average to 16 MiB`)
  }
  return { min, average, max }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value)
}
