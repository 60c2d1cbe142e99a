/** Bytes of a file, `end` exclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The range that a `Range` header asks for, of a file of `size` bytes: undefined for the whole file (also where
 * the header is of another unit, malformed, or of several ranges, which a server may ignore), `unsatisfiable`
 * for one that begins beyond the end. RFC 9110, 14.
 */
export function parseRange(header: string | null, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/.exec(header ?? '')
  if (match === null) return undefined
  const [, first, last, suffix] = match
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size }
  }
  const start = Number(first)
  const end = last === undefined ? size : Math.min(Number(last) + 1, size)
  if (last !== undefined && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, end }
}
