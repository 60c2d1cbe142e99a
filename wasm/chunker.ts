// AssemblyScript. The SIMD kernel of the chunker that docs/format/chunker.md specifies; src/object/chunker-plain.ts
// is its plain twin. Built by scripts/build-wasm.ts. The memory is the caller's; nothing here is written to it.

const MULTIPLIER: i16 = 0xbfc7 as i16
const BASE_MULTIPLIER: i16 = 0xf73d as i16
const BASE_2: i16 = 0x4b59 as i16
const BASE_4: i16 = 0x44f1 as i16
const TARGET: i16 = 0x1c00

/** 32 bits over the 32 bytes before `end`. */
function strong(end: usize): u32 {
  const p = end - 32
  let h: u32 = 0x9e3779b9
  h += load<u32>(p, 0) * 0x85ebca6b
  h += load<u32>(p, 4) * 0xc2b2ae35
  h += load<u32>(p, 8) * 0x27d4eb2f
  h += load<u32>(p, 12) * 0x165667b1
  h += load<u32>(p, 16) * 0xd3a2646d
  h += load<u32>(p, 20) * 0xfd7046c5
  h += load<u32>(p, 24) * 0xb55a4f09
  h += load<u32>(p, 28) * 0x9e3779b1
  h = (h ^ (h >>> 15)) * 0x2c1b3c6d
  h = (h ^ (h >>> 12)) * 0x297a2d39
  return h ^ (h >>> 15)
}

/** Whether the 16 bytes before `end` equal the 16 bytes that lie 1 to 16 places further back. */
function periodic(end: usize): bool {
  const last = v128.load(end - 16)
  for (let d: usize = 1; d <= 16; d++) {
    if (i8x16.all_true(i8x16.eq(last, v128.load(end - 16 - d)))) return true
  }
  return false
}

// The prefilter's sums at 8 places two bytes apart, 8 lanes. Its weights for 8 words are multiplier * base^7 … * base, * 1,
// so that a sum over 16 bytes is that over the newer 8 plus base^4 times that over the older 8, and in turn one over 8
// bytes comes of two over 4: the sums of the block before hold the older part.

/** The sums over 4 bytes at places `at`, `at + 2` … `at + 14`. Reads [at - 4, at + 14). */
function sum4(at: usize): v128 {
  return i16x8.add(
    i16x8.mul(v128.load(at - 4), i16x8.splat(BASE_MULTIPLIER)),
    i16x8.mul(v128.load(at - 2), i16x8.splat(MULTIPLIER)),
  )
}

/** The sums over 8 bytes, from those over 4 at the same places and at the 8 before. */
function sum8(before: v128, here: v128): v128 {
  return i16x8.add(
    here,
    i16x8.mul(v128.shuffle<u16>(before, here, 6, 7, 8, 9, 10, 11, 12, 13), i16x8.splat(BASE_2)),
  )
}

/** Lanes of ones where the sums over 16 bytes hit, from those over 8 at the same places and at the 8 before. */
function hits16(before: v128, here: v128): v128 {
  const older = v128.shuffle<u16>(before, here, 4, 5, 6, 7, 8, 9, 10, 11)
  const sum = i16x8.add(here, i16x8.mul(older, i16x8.splat(BASE_4)))
  return i16x8.eq(v128.and(sum, i16x8.splat(0xff80 as i16)), i16x8.splat(TARGET))
}

/** Lanes of even and of odd places as one bit a place, in order. */
function inOrder(even: v128, odd: v128): u32 {
  return i8x16.bitmask(v128.bitselect(even, odd, i16x8.splat(0x00ff)))
}

/** The first of the places `at + i`, bit i of `hits` being set, that passes the strong test; or 0. */
function decide(at: usize, hits: u32, shift: u32): usize {
  while (hits) {
    const place = at + <usize>ctz(hits)
    if (strong(place) >>> shift == 0 && !periodic(place)) return place
    hits &= hits - 1
  }
  return 0
}

/** The places that hit among the 16 from `at` on, one bit each, from nothing but the bytes. Reads [at - 36, at + 15). */
function hitsFrom(at: usize): u32 {
  const even4 = sum4(at - 16)
  const odd4 = sum4(at - 15)
  const even = hits16(sum8(sum4(at - 32), even4), sum8(even4, sum4(at)))
  const odd = hits16(sum8(sum4(at - 31), odd4), sum8(odd4, sum4(at + 1)))
  return inOrder(even, odd)
}

/** The first place in [from, to) where content decides to cut, or 0. At least 64 bytes of the chunk lie before `from`. */
function scan(from: usize, to: usize, shift: u32): usize {
  if (from >= to) return 0
  let at = from
  let even4 = sum4(at - 16)
  let odd4 = sum4(at - 15)
  let even8 = sum8(sum4(at - 32), even4)
  let odd8 = sum8(sum4(at - 31), odd4)
  for (; at + 32 <= to; at += 32) {
    const even4a = sum4(at)
    const odd4a = sum4(at + 1)
    const even8a = sum8(even4, even4a)
    const odd8a = sum8(odd4, odd4a)
    const even = hits16(even8, even8a)
    const odd = hits16(odd8, odd8a)
    even4 = sum4(at + 16)
    odd4 = sum4(at + 17)
    even8 = sum8(even4a, even4)
    odd8 = sum8(odd4a, odd4)
    const evenLater = hits16(even8a, even8)
    const oddLater = hits16(odd8a, odd8)
    if (i8x16.bitmask(v128.or(v128.or(even, odd), v128.or(evenLater, oddLater)))) {
      const place = decide(at, inOrder(even, odd) | (inOrder(evenLater, oddLater) << 16), shift)
      if (place) return place
    }
  }
  if (at + 16 <= to) {
    const place = decide(at, hitsFrom(at), shift)
    if (place) return place
    at += 16
  }
  if (at == to) return 0
  // The last places are looked at in a step that ends with them, so that nothing past `to` is read; the first
  // bits of that step belong to places before `at`.
  const last = to - 16
  return decide(last, hitsFrom(last) & (0xffffffff << (<u32>(at - last))), shift)
}

/** See `Chunker.cut` in src/object/chunker.ts. */
export function cut(start: usize, end: usize, min: u32, average: u32, max: u32): usize {
  const length = end - start
  if (length <= min) return end
  if (length > max) end = start + max
  const bits: u32 = 31 - clz(average) - 9
  let turn = start + average
  if (turn > end) turn = end
  const place = scan(start + min, turn, 32 - (bits + 2))
  if (place) return place
  const later = scan(turn, end, 32 - (bits - 2))
  return later ? later : end
}
