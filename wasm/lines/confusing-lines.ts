// As src/stream/confusing-lines.ts.

import { mark, setMark, word } from './words'

/** Counts how often each number is there. */
export function tally(numbers: usize, count: i32, counts: usize): void {
  for (let i: i32 = 0; i < count; i++) {
    const at = counts + 4 * <usize>word(numbers, i)
    store<u32>(at, load<u32>(at) + 1)
  }
}

const KEEP: u32 = 0
const DROP: u32 = 1
const MAYBE: u32 = 2

export function markConfusing(numbers: usize, count: i32, others: usize, marks: usize): void {
  let often: u32 = 5
  for (let rest = (count / 64) >> 2; rest > 0; rest >>= 2) often *= 2
  for (let i: i32 = 0; i < count; i++) {
    const found = load<u32>(others + 4 * <usize>word(numbers, i))
    setMark(marks, i, found == 0 ? DROP : found > often ? MAYBE : KEEP)
  }
  for (let at: i32 = 0; at < count; ) {
    if (mark(marks, at) == KEEP) {
      at++
      continue
    }
    let end = at
    while (end < count && mark(marks, end) != KEEP) end++
    settleRun(marks, at, end)
    at = end
  }
}

function settleRun(marks: usize, start: i32, end: i32): void {
  while (start < end && mark(marks, start) == MAYBE) setMark(marks, start++, KEEP)
  while (start < end && mark(marks, end - 1) == MAYBE) setMark(marks, --end, KEEP)
  const length = end - start
  let doubtful: i32 = 0
  for (let i = start; i < end; i++) if (mark(marks, i) == MAYBE) doubtful++
  if (doubtful == 0) return
  if (doubtful > length >> 2 && 4 * <i64>doubtful > <i64>length) {
    for (let i = start; i < end; i++) if (mark(marks, i) == MAYBE) setMark(marks, i, KEEP)
    return
  }
  let bound: i32 = 1
  for (let rest = length >> 4; rest > 0; rest >>= 2) bound *= 2
  bound++
  for (let i = start; i < end; ) {
    let stop = i
    while (stop < end && mark(marks, stop) == MAYBE) stop++
    if (stop - i >= bound) for (let k = i; k < stop; k++) setMark(marks, k, KEEP)
    i = max(stop, i + 1)
  }
  keepNearEdge(marks, start, 1, length)
  keepNearEdge(marks, end - 1, -1, length)
  for (let i = start; i < end; i++) if (mark(marks, i) == MAYBE) setMark(marks, i, DROP)
}

function keepNearEdge(marks: usize, edge: i32, step: i32, length: i32): void {
  let certain = 0
  for (let j: i32 = 0; j < length && certain < 3; j++) {
    const at = edge + step * j
    if (mark(marks, at) == DROP) {
      if (j >= 8) return
      certain++
    } else {
      setMark(marks, at, KEEP)
      certain = 0
    }
  }
}

/** Lists the lines that are searched: their numbers and their places. */
export function keep(numbers: usize, count: i32, marks: usize, kept: usize, places: usize): i32 {
  let found: i32 = 0
  for (let i: i32 = 0; i < count; i++) {
    if (mark(marks, i) == DROP) continue
    store<u32>(kept + 4 * <usize>found, word(numbers, i))
    store<i32>(places + 4 * <usize>found, i)
    found++
  }
  return found
}
