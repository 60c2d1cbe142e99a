// The kernel of sketches (docs/format/sketch.md): adds the items of a run of digests to cells. The same cells, bit
// for bit, as src/reconcile/absorb.ts, four items at a time. No allocation: the host lays out the memory.
//
// Cells have 16 bytes here (lower half of the id, upper half, check, zero), so that one aligned vector is one cell.

/** Items of a class that are worked on together. A hit is one word: cell × 256 + item. */
const BATCH: i32 = 256
const GOLDEN: i32 = 0x9e3779b9

/** A class in memory: `below`, number of slots, 16 thresholds of the head, then those of the slots. */
const CLASS_BYTES: usize = 4 * (2 + 16 + 32)

/** A class's items in the scratch memory: the count, then 2 × BATCH of 16 bytes each. */
const GROUP_BYTES: usize = 16 + 16 * 2 * BATCH

function mix(x: v128): v128 {
  x = v128.xor(x, i32x4.shr_u(x, 16))
  x = i32x4.mul(x, i32x4.splat(0x21f0aaad))
  x = v128.xor(x, i32x4.shr_u(x, 15))
  x = i32x4.mul(x, i32x4.splat(0x735a2d97))
  return v128.xor(x, i32x4.shr_u(x, 15))
}

/**
 * @param digests 32 bytes each
 * @param count how many
 * @param key 38 words
 * @param classes `classCount` classes of CLASS_BYTES
 * @param multipliers 32 words: those of the slots
 * @param packing 16 shuffles: the lanes whose bits are set, moved together
 * @param cells `size` cells of 16 bytes
 * @param scratch classCount × GROUP_BYTES, then 4 × BATCH × 32 bytes for hits
 */
export function absorb(
  digests: usize,
  count: i32,
  key: usize,
  classes: usize,
  classCount: i32,
  multipliers: usize,
  packing: usize,
  cells: usize,
  size: i32,
  scratch: usize,
): void {
  const hits: usize = scratch + GROUP_BYTES * <usize>classCount
  for (let c: i32 = 0; c < classCount; c++) store<i32>(scratch + GROUP_BYTES * <usize>c, 0)
  for (let first: i32 = 0; first < count; first += BATCH) {
    const batch = min(BATCH, count - first)
    sort(digests + 32 * <usize>first, batch, key, classes, classCount, scratch)
    for (let c: i32 = 0; c < classCount; c++) {
      const group = scratch + GROUP_BYTES * <usize>c
      if (load<i32>(group) >= BATCH) {
        scatter(group, BATCH, classes + CLASS_BYTES * <usize>c, multipliers, packing, cells, size, hits)
        // What is beyond a batch moves to the front.
        const rest = load<i32>(group) - BATCH
        memory.copy(group + 16, group + 16 + 16 * BATCH, 16 * <usize>rest)
        store<i32>(group, rest)
      }
    }
  }
  for (let c: i32 = 0; c < classCount; c++) {
    const group = scratch + GROUP_BYTES * <usize>c
    const rest = load<i32>(group)
    if (rest > 0)
      scatter(group, rest, classes + CLASS_BYTES * <usize>c, multipliers, packing, cells, size, hits)
  }
}

/** Computes ids and checks and puts each item with the items of its class. Reads whole groups of four digests. */
function sort(digests: usize, count: i32, key: usize, classes: usize, classCount: i32, scratch: usize): void {
  const below0 = load<i32>(classes)
  const below1 = classCount > 1 ? load<i32>(classes + CLASS_BYTES) : 65536
  for (let i: i32 = 0; i < count; i += 4) {
    const at = digests + 32 * <usize>i
    // Four rows of four words, turned: word j of all four digests.
    const a = v128.load(at)
    const b = v128.load(at, 32)
    const c = v128.load(at, 64)
    const d = v128.load(at, 96)
    const ab01 = v128.shuffle<i32>(a, b, 0, 4, 1, 5)
    const ab23 = v128.shuffle<i32>(a, b, 2, 6, 3, 7)
    const cd01 = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
    const cd23 = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
    const w0 = v128.shuffle<i64>(ab01, cd01, 0, 2)
    const w1 = v128.shuffle<i64>(ab01, cd01, 1, 3)
    const w2 = v128.shuffle<i64>(ab23, cd23, 0, 2)
    const w3 = v128.shuffle<i64>(ab23, cd23, 1, 3)
    const h0 = lane(key, w0, w1, w2, w3)
    const h1 = lane(key + 36, w0, w1, w2, w3)
    const h2 = lane(key + 72, w0, w1, w2, w3)
    const h3 = lane(key + 108, w0, w1, w2, w3)
    const upper = i32x4.splat(0xffff0000)
    const lo = v128.or(i32x4.shr_u(h0, 16), v128.and(h1, upper))
    const hi = v128.or(i32x4.shr_u(h2, 16), v128.and(h3, upper))
    const check = mix(
      v128.xor(
        v128.xor(hi, v128.load32_splat(key, 4 * 37)),
        mix(v128.xor(lo, v128.load32_splat(key, 4 * 36))),
      ),
    )
    const word = v128.and(mix(v128.xor(lo, i32x4.splat(31 * GOLDEN))), i32x4.splat(0xffff))
    // The class as a number: how many limits the word has reached.
    const index = i32x4.neg(
      i32x4.add(i32x4.ge_s(word, i32x4.splat(below0)), i32x4.ge_s(word, i32x4.splat(below1))),
    )
    const zero = i32x4.splat(0)
    const lohi01 = v128.shuffle<i32>(lo, hi, 0, 4, 1, 5)
    const lohi23 = v128.shuffle<i32>(lo, hi, 2, 6, 3, 7)
    const check01 = v128.shuffle<i32>(check, zero, 0, 4, 1, 5)
    const check23 = v128.shuffle<i32>(check, zero, 2, 6, 3, 7)
    push(scratch, i32x4.extract_lane(index, 0), v128.shuffle<i64>(lohi01, check01, 0, 2))
    if (i + 1 < count) push(scratch, i32x4.extract_lane(index, 1), v128.shuffle<i64>(lohi01, check01, 1, 3))
    if (i + 2 < count) push(scratch, i32x4.extract_lane(index, 2), v128.shuffle<i64>(lohi23, check23, 0, 2))
    if (i + 3 < count) push(scratch, i32x4.extract_lane(index, 3), v128.shuffle<i64>(lohi23, check23, 1, 3))
  }
}

/** k0 + Σ ki·di over eight 16-bit words, four digests side by side. */
function lane(key: usize, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  const low = i32x4.splat(0xffff)
  let sum = v128.load32_splat(key)
  sum = i32x4.add(sum, i32x4.mul(v128.load32_splat(key, 4), v128.and(w0, low)))
  sum = i32x4.add(sum, i32x4.mul(v128.load32_splat(key, 8), i32x4.shr_u(w0, 16)))
  sum = i32x4.add(sum, i32x4.mul(v128.load32_splat(key, 12), v128.and(w1, low)))
  sum = i32x4.add(sum, i32x4.mul(v128.load32_splat(key, 16), i32x4.shr_u(w1, 16)))
  sum = i32x4.add(sum, i32x4.mul(v128.load32_splat(key, 20), v128.and(w2, low)))
  sum = i32x4.add(sum, i32x4.mul(v128.load32_splat(key, 24), i32x4.shr_u(w2, 16)))
  sum = i32x4.add(sum, i32x4.mul(v128.load32_splat(key, 28), v128.and(w3, low)))
  return i32x4.add(sum, i32x4.mul(v128.load32_splat(key, 32), i32x4.shr_u(w3, 16)))
}

function push(scratch: usize, index: i32, item: v128): void {
  const group = scratch + GROUP_BYTES * <usize>index
  const count = load<i32>(group)
  v128.store(group + 16 * <usize>count, item, 16)
  store<i32>(group, count + 1)
}

/** Adds the first `count` (at most BATCH) items of a group, all of one class, to the cells. */
function scatter(
  group: usize,
  count: i32,
  members: usize,
  multipliers: usize,
  packing: usize,
  cells: usize,
  size: i32,
  hits: usize,
): void {
  const items = group + 16
  // The last vector of four may reach past the items; what is there must be harmless. Nothing is lost by it:
  // beyond `count` a group holds only what a later batch brings, and a full batch has no such vector.
  for (let i = count; i & 3; i++) v128.store(items + 16 * <usize>i, i32x4.splat(0))
  for (let cell: i32 = 0; cell < 16; cell += 4) {
    if (cell < size) head(items, count, members + 8 + 4 * <usize>cell, cell, cells, size)
  }
  const slots = load<i32>(members, 4)
  const thresholds = members + 4 * 18
  for (let k: i32 = 4; 1 << k < size; k++) {
    const end = find(items, count, slots, thresholds, multipliers, packing, k, size, hits)
    for (let hit = hits; hit < end; hit += 4) {
      const entry = load<u32>(hit)
      const cell = cells + ((entry >>> 8) << 4)
      v128.store(cell, v128.xor(v128.load(cell), v128.load(items + ((entry & 255) << 4))))
    }
  }
}

/** XORs into four cells of the head the items that lie in each. */
function head(items: usize, count: i32, thresholds: usize, first: i32, cells: usize, size: i32): void {
  const constant = i32x4.splat((first >>> 2) * GOLDEN)
  const byte = i32x4.splat(0xff)
  const t0 = v128.load32_splat(thresholds)
  const t1 = v128.load32_splat(thresholds, 4)
  const t2 = v128.load32_splat(thresholds, 8)
  const t3 = v128.load32_splat(thresholds, 12)
  let s0 = i32x4.splat(0)
  let s1 = i32x4.splat(0)
  let s2 = i32x4.splat(0)
  let s3 = i32x4.splat(0)
  for (let i: i32 = 0; i < count; i += 4) {
    const at = items + 16 * <usize>i
    const a = v128.load(at)
    const b = v128.load(at, 16)
    const c = v128.load(at, 32)
    const d = v128.load(at, 48)
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5)
    const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
    const lo = v128.shuffle<i64>(ab, cd, 0, 2)
    const hi = v128.shuffle<i64>(ab, cd, 1, 3)
    const v = mix(v128.xor(hi, mix(v128.xor(lo, constant))))
    const m0 = i32x4.lt_s(v128.and(v, byte), t0)
    const m1 = i32x4.lt_s(v128.and(i32x4.shr_u(v, 8), byte), t1)
    const m2 = i32x4.lt_s(v128.and(i32x4.shr_u(v, 16), byte), t2)
    const m3 = i32x4.lt_s(i32x4.shr_u(v, 24), t3)
    s0 = v128.xor(s0, chosen(a, b, c, d, m0))
    s1 = v128.xor(s1, chosen(a, b, c, d, m1))
    s2 = v128.xor(s2, chosen(a, b, c, d, m2))
    s3 = v128.xor(s3, chosen(a, b, c, d, m3))
  }
  const at = cells + 16 * <usize>first
  v128.store(at, v128.xor(v128.load(at), s0))
  if (first + 1 < size) v128.store(at, v128.xor(v128.load(at, 16), s1), 16)
  if (first + 2 < size) v128.store(at, v128.xor(v128.load(at, 32), s2), 32)
  if (first + 3 < size) v128.store(at, v128.xor(v128.load(at, 48), s3), 48)
}

/** The XOR of those of four items whose lane of the mask is set. */
function chosen(a: v128, b: v128, c: v128, d: v128, mask: v128): v128 {
  return v128.xor(
    v128.xor(
      v128.and(a, v128.shuffle<i32>(mask, mask, 0, 0, 0, 0)),
      v128.and(b, v128.shuffle<i32>(mask, mask, 1, 1, 1, 1)),
    ),
    v128.xor(
      v128.and(c, v128.shuffle<i32>(mask, mask, 2, 2, 2, 2)),
      v128.and(d, v128.shuffle<i32>(mask, mask, 3, 3, 3, 3)),
    ),
  )
}

/** Lists the hits of the items in block k from `hits` on; returns the end of the list. */
function find(
  items: usize,
  count: i32,
  slots: i32,
  thresholds: usize,
  multipliers: usize,
  packing: usize,
  k: i32,
  size: i32,
  hits: usize,
): usize {
  const constant = i32x4.splat(k * GOLDEN)
  const start = i32x4.splat(1 << k)
  const limit = i32x4.splat(size)
  const shift = 32 - k
  let numbers = i32x4(0, 1, 2, 3)
  for (let i: i32 = 0; i < count; i += 4) {
    const at = items + 16 * <usize>i
    const ab = v128.shuffle<i32>(v128.load(at), v128.load(at, 16), 0, 4, 1, 5)
    const cd = v128.shuffle<i32>(v128.load(at, 32), v128.load(at, 48), 0, 4, 1, 5)
    const w = mix(v128.xor(v128.shuffle<i64>(ab, cd, 0, 2), constant))
    const v = mix(v128.xor(v128.shuffle<i64>(ab, cd, 1, 3), w))
    const level = v128.and(w, i32x4.splat(0xffff))
    for (let slot: i32 = 0; slot < slots; slot++) {
      const under = i32x4.lt_s(level, v128.load32_splat(thresholds + 4 * <usize>slot))
      // Thresholds fall: where none of the four is under this one, none is under a later one.
      if (slot > 2 && !v128.any_true(under)) break
      const cell = i32x4.add(
        start,
        i32x4.shr_u(i32x4.mul(v, v128.load32_splat(multipliers + 4 * <usize>slot)), shift),
      )
      const mask = i32x4.bitmask(v128.and(under, i32x4.lt_s(cell, limit)))
      const entries = v128.or(i32x4.shl(cell, 8), numbers)
      v128.store(hits, i8x16.swizzle(entries, v128.load(packing + 16 * <usize>mask)))
      hits += 4 * <usize>popcnt(mask)
    }
    numbers = i32x4.add(numbers, i32x4.splat(4))
  }
  return hits
}
