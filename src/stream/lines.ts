import { TidemarkError } from '../errors.ts'

/** Offsets into a text are kept in 32 bits. Contents and diffs beyond this many bytes are refused. */
export const contentLimit: number = 2 ** 30

const newline = 10

/**
 * A text cut into lines: line `i` is `bytes[starts[i] .. starts[i + 1])`, its newline included. Every line but
 * the last ends with a newline. An empty text has no lines. `starts` may be longer than `count + 1`.
 */
export interface Lines {
  readonly bytes: Uint8Array
  readonly count: number
  readonly starts: Int32Array
}

/** Cuts `bytes` after each newline. Rejects a text beyond {@link contentLimit} with `limit`. */
export function cutLines(bytes: Uint8Array): Lines {
  if (bytes.length > contentLimit) {
    throw new TidemarkError('limit', `a text of ${bytes.length} bytes is beyond the limit of ${contentLimit}`)
  }
  let starts = new Int32Array(Math.max(16, bytes.length >>> 5))
  let count = 0
  for (let at = 0; at < bytes.length;) {
    if (count + 2 > starts.length) starts = grown(starts)
    starts[count++] = at
    const end = bytes.indexOf(newline, at)
    at = end < 0 ? bytes.length : end + 1
  }
  starts[count] = bytes.length
  return { bytes, count, starts }
}

function grown(numbers: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(numbers.length * 2)
  larger.set(numbers)
  return larger
}
