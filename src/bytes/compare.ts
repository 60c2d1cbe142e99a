/** Lexicographic order of unsigned bytes, as memcmp: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0
}

/** How many bytes are the same in `a` from `aStart` on and in `b` from `bStart` on. */
export function sharedLength(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number): number {
  const end = Math.min(a.length - aStart, b.length - bStart)
  const left = new DataView(a.buffer, a.byteOffset + aStart, end)
  const right = new DataView(b.buffer, b.byteOffset + bStart, end)
  let at = 0
  // Four at a time, whatever the alignment.
  while (at + 4 <= end && left.getInt32(at) === right.getInt32(at)) at += 4
  while (at < end && left.getUint8(at) === right.getUint8(at)) at++
  return at
}
