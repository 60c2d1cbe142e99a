// As src/stream/replay.ts.

import { equalBytes, findNewline, NEWLINE } from './bytes'

// The text is the places of its lines: line i is [places[2i], places[2i + 1]). Both arrays have room for `room` lines.
let places: usize = 0
let spare: usize = 0
let room: i32 = 0
let lines: i32 = 0
/** How many lines of the text in the making are in `spare`. */
let made: i32 = 0
/** The next byte of the diff, and its end. */
let at: usize = 0
let stop: usize = 0
let broken: bool = false
/** Whether every line that the diff quotes is compared, and context tells where the text ends. */
let strict: bool = false
/** The marks of the lines that the text has and will have: the other way round from the newer text to the older. */
let removed: u32 = 0x2d
let added: u32 = 0x2b
// The ranges of the hunk at hand: how many lines come before, and how many there are.
let fromStart: i32 = 0
let fromCount: i32 = 0
let toStart: i32 = 0
let toCount: i32 = 0

/** Begins with the text [start, end). */
export function begin(start: usize, end: usize, first: usize, second: usize, most: i32): void {
  places = first
  spare = second
  room = most
  lines = 0
  for (let line = start; line < end; ) {
    const next = min(findNewline(line, end) + 1, end)
    storePlace(places, lines, line, next)
    lines++
    line = next
  }
}

function storePlace(array: usize, line: i32, start: usize, end: usize): void {
  store<u32>(array + 8 * <usize>line, <u32>start)
  store<u32>(array + 8 * <usize>line, <u32>end, 4)
}

/** Applies the diff [start, end), or takes it `back`. False when it does not fit; the replay is of no further use then. */
export function apply(start: usize, end: usize, thorough: bool, back: bool): bool {
  strict = thorough
  removed = back ? 0x2b : 0x2d
  added = back ? 0x2d : 0x2b
  at = start
  stop = end
  broken = false
  if (start == end) return true
  if (!passHeader(0x202d2d2d) || !passHeader(0x202b2b2b)) return false
  let done: i32 = 0
  let inPlace = true
  made = 0
  while (at < stop) {
    if (!passRanges() || fromStart < done || fromCount > lines - fromStart) return false
    done = fromStart + fromCount
    if (inPlace && fromCount == toCount) {
      if (toStart != fromStart) return false
      made = 0
      if (!passHunk(toCount)) return false
      memory.copy(places + 8 * <usize>fromStart, spare, 8 * <usize>made)
      continue
    }
    if (inPlace) made = 0
    if (!take(inPlace ? 0 : taken, fromStart)) return false
    inPlace = false
    taken = done
    if (toStart != made || !passHunk(made + toCount)) return false
  }
  if (inPlace) return true
  if (!take(taken, lines)) return false
  const old = places
  places = spare
  spare = old
  lines = made
  return true
}

/** How many lines of the old text have been dealt with while it is written anew. */
let taken: i32 = 0

/** Takes over lines `first` to `last` as they are. */
function take(first: i32, last: i32): bool {
  if (last - first > room - made) return false
  memory.copy(spare + 8 * <usize>made, places + 8 * <usize>first, 8 * <usize>(last - first))
  made += last - first
  return true
}

/** Reads the lines of a hunk; what the new text has of them is put in `spare`, up to `toEnd` lines there. */
function passHunk(toEnd: i32): bool {
  const fromEnd = fromStart + fromCount
  let line = fromStart
  let leading: i32 = -1
  let trailing: i32 = 0
  while (line < fromEnd || made < toEnd) {
    const mark: u32 = at < stop ? <u32>load<u8>(at) : 0
    if (mark == 0x20 || mark == removed) {
      if (line == fromEnd || !passQuoted(line)) return false
      if (mark == 0x20) {
        if (made == room) return false
        store<u64>(spare + 8 * <usize>made, load<u64>(places + 8 * <usize>line))
        made++
        trailing++
      }
      line++
    } else if (mark == added) {
      if (made >= toEnd || made == room) return false
      const start = at + 1
      const end = findNewline(start, stop)
      if (end >= stop) return false
      at = end + 1
      storePlace(spare, made, start, passNoNewline() ? end : end + 1)
      made++
    } else return false
    if (mark != 0x20) {
      if (leading < 0) leading = trailing
      trailing = 0
    }
  }
  if (made != toEnd || broken) return false
  // Less context on one side than on the other means that the text ended there.
  return !strict || ((leading >= trailing || fromStart == 0) && (trailing >= leading || fromEnd == lines))
}

/** Passes a line that must be line `line` of the text; unless `strict`, only where it ends is looked at. */
function passQuoted(line: i32): bool {
  const start = <usize>load<u32>(places + 8 * <usize>line)
  const end = <usize>load<u32>(places + 8 * <usize>line, 4)
  const whole = end > start && <u32>load<u8>(end - 1) == NEWLINE
  const last = at + 1 + (end - start) - (whole ? 1 : 0)
  if (last >= stop || <u32>load<u8>(last) != NEWLINE) return false
  if (strict && !equalBytes(at + 1, start, last - at - 1)) return false
  at = last + 1
  return passNoNewline() != whole
}

/** Passes a line that begins with a backslash, if there is one. */
function passNoNewline(): bool {
  if (at >= stop || load<u8>(at) != 0x5c) return false
  const end = findNewline(at, stop)
  if (end >= stop) broken = true
  at = end + 1
  return true
}

function passHeader(prefix: u32): bool {
  if (at + 4 > stop || load<u32>(at) != prefix) return false
  const end = findNewline(at, stop)
  at = end + 1
  return end < stop
}

/** Passes a line `@@ -start,count +start,count @@`. */
function passRanges(): bool {
  if (at + 4 > stop || load<u32>(at) != 0x2d204040) return false
  at += 4
  fromStart = passNumber()
  fromCount = passCount()
  if (at + 2 > stop || load<u16>(at) != 0x2b20) return false
  at += 2
  toStart = passNumber()
  toCount = passCount()
  if (at + 3 > stop || load<u16>(at) != 0x4020 || load<u8>(at, 2) != 0x40) return false
  const end = findNewline(at, stop)
  at = end + 1
  if (end >= stop || fromStart < 0 || toStart < 0 || fromCount < 0 || toCount < 0) return false
  // An empty range names the line before it, any other its first line, counting from 1.
  if ((fromCount > 0 && fromStart == 0) || (toCount > 0 && toStart == 0)) return false
  if (fromCount > 0) fromStart--
  if (toCount > 0) toStart--
  if (added == 0x2d) turn()
  return true
}

function turn(): void {
  const start = fromStart
  const count = fromCount
  fromStart = toStart
  fromCount = toCount
  toStart = start
  toCount = count
}

function passCount(): i32 {
  if (at >= stop || load<u8>(at) != 0x2c) return 1
  at++
  return passNumber()
}

/** A decimal number; -1 when there is none, or it is too large. */
function passNumber(): i32 {
  let value: i64 = -1
  for (; at < stop; at++) {
    const digit = <i32>load<u8>(at) - 0x30
    if (digit < 0 || digit > 9) break
    value = (value < 0 ? 0 : value) * 10 + digit
    if (value > 0x7fffffff) return -1
  }
  return <i32>value
}

/** The length of the text as it stands. */
export function textLength(): usize {
  let length: usize = 0
  for (let i: i32 = 0; i < lines; i++) {
    const place = places + 8 * <usize>i
    length += <usize>(load<u32>(place, 4) - load<u32>(place))
  }
  return length
}

/** Writes the text to `to`. */
export function writeText(to: usize): void {
  for (let i: i32 = 0; i < lines; ) {
    const start = load<u32>(places + 8 * <usize>i)
    let end = load<u32>(places + 8 * <usize>i, 4)
    for (i++; i < lines && load<u32>(places + 8 * <usize>i) == end; i++) end = load<u32>(places + 8 * <usize>i, 4)
    memory.copy(to, <usize>start, <usize>(end - start))
    to += <usize>(end - start)
  }
}
