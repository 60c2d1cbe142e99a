import { corrupt, TidemarkError } from '../errors.ts'
import type { GetOptions } from './bucket.ts'

/** Throws `cancelled` when `signal` has been aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined, doing: string): void {
  if (signal?.aborted === true) throw cancelled(signal, doing)
}

/** The error that a call ends with when its own `signal` was aborted. */
export function cancelled(signal: AbortSignal, doing: string): TidemarkError {
  return new TidemarkError('cancelled', `${doing}: cancelled`, { cause: signal.reason })
}

/** Throws `usage` for a range that no content could have. */
export function checkRange(range: GetOptions['range'], name: string): void {
  if (range === undefined) return
  const { start, end } = range
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new TidemarkError('usage', `${name}: not a range of bytes: ${start} to ${end}`)
  }
}

/** Where to read in a content of `size` bytes. Throws `corrupt` when `range` goes beyond it. */
export function resolveRange(
  range: GetOptions['range'],
  size: number,
  name: string,
): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: size }
  if (range.end > size) {
    throw corrupt(name, `bytes ${range.start} to ${range.end} were asked for, there are ${size}`)
  }
  return range
}
