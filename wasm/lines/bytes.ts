export const NEWLINE: u32 = 10

/** Where the next newline from `at` on is; `end` when there is none. */
export function findNewline(at: usize, end: usize): usize {
  const newlines = i8x16.splat(10)
  for (; at + 16 <= end; at += 16) {
    const hits = i8x16.bitmask(i8x16.eq(v128.load(at), newlines))
    if (hits) return at + <usize>ctz(hits)
  }
  while (at < end && <u32>load<u8>(at) != NEWLINE) at++
  return at
}

/** How many lines [at, end) has. */
export function countLines(at: usize, end: usize): u32 {
  let count: u32 = end > at && <u32>load<u8>(end - 1) != NEWLINE ? 1 : 0
  const newlines = i8x16.splat(10)
  for (; at + 16 <= end; at += 16) count += popcnt(i8x16.bitmask(i8x16.eq(v128.load(at), newlines)))
  for (; at < end; at++) if (<u32>load<u8>(at) == NEWLINE) count++
  return count
}

export function equalBytes(a: usize, b: usize, length: usize): bool {
  let k: usize = 0
  for (; k + 16 <= length; k += 16) {
    if (i8x16.bitmask(i8x16.eq(v128.load(a + k), v128.load(b + k))) != 0xffff) return false
  }
  for (; k < length; k++) if (load<u8>(a + k) != load<u8>(b + k)) return false
  return true
}
