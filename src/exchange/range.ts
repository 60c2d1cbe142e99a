/** A range of bytes, `to` exclusive. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/**
 * The one range that a `Range` header asks of `length` bytes; undefined when the whole is asked for (no header,
 * or a form that may be ignored: RFC 9110, 14.2), 'none' when it lies outside.
 */
export function parseRange(header: string | null, length: number): ByteRange | 'none' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (match === null) return undefined
  const [, first, last] = match
  if (first === '') {
    if (last === '' || last === undefined) return undefined
    const from = Math.max(0, length - Number(last))
    return from < length ? { from, to: length } : 'none'
  }
  const from = Number(first)
  const to = last === '' ? length : Math.min(length, Number(last) + 1)
  return from < to ? { from, to } : 'none'
}
