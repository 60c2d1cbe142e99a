// AssemblyScript. The SIMD kernel of the chunker that docs/format/chunker.md specifies; src/object/chunker-plain.ts
// is its plain twin. Built by scripts/build-wasm.ts. The memory is the caller's; nothing here is written to it.

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

/**
 * The prefilter at the 8 places `first + 8`, `first + 10` … `first + 22`: lanes of ones where it hits. Places one
 * byte further on are had by passing `first + 1`. Reads 22 bytes from `first`.
 */
function prefilter(first: usize): v128 {
  const a = i16x8.mul(v128.load(first, 0), i16x8.splat(0x15b1))
  const b = i16x8.mul(v128.load(first, 2), i16x8.splat(0xda95 as i16))
  const c = i16x8.mul(v128.load(first, 4), i16x8.splat(0x2f89))
  const d = i16x8.mul(v128.load(first, 6), i16x8.splat(0xd6cd as i16))
  const h = i16x8.add(i16x8.add(i16x8.add(a, b), c), d)
  return i16x8.eq(v128.and(h, i16x8.splat(0xff80 as i16)), i16x8.splat(0x6d00))
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

/** The first place in [from, to) where content decides to cut, or 0. At least 24 bytes of the chunk lie before `from`. */
function scan(from: usize, to: usize, shift: u32): usize {
  if (from >= to) return 0
  let at = from
  for (; at + 32 <= to; at += 32) {
    const even0 = prefilter(at - 8)
    const odd0 = prefilter(at - 7)
    const even1 = prefilter(at + 8)
    const odd1 = prefilter(at + 9)
    if (i8x16.bitmask(v128.or(v128.or(even0, odd0), v128.or(even1, odd1)))) {
      const place = decide(at, inOrder(even0, odd0) | (inOrder(even1, odd1) << 16), shift)
      if (place) return place
    }
  }
  if (at + 16 <= to) {
    const place = decide(at, inOrder(prefilter(at - 8), prefilter(at - 7)), shift)
    if (place) return place
    at += 16
  }
  if (at == to) return 0
  // The last places are looked at in a step that ends with them, so that nothing past `to` is read; the first
  // bits of that step belong to places before `at`.
  const last = to - 16
  return decide(
    last,
    inOrder(prefilter(last - 8), prefilter(last - 7)) & (0xffffffff << (<u32>(at - last))),
    shift,
  )
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
