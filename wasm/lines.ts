// AssemblyScript. The kernel of streams: cuts texts into lines, tells which lines two texts share, and replays diffs. The
// rules are those of src/stream/ (compare-lines.ts and what it uses, replay.ts), which are its plain twins and say why.
// Built by scripts/build-wasm.ts. The memory is the caller's; beside it there is only the state of a replay.

const NEWLINE: u32 = 10

/** Where the next newline from `at` on is; `end` when there is none. */
function findNewline(at: usize, end: usize): usize {
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

// Comparing ------------------------------------------------------------------------------------------------------------

// The frame: words from address 0 on, that say where everything is. src/stream/lines-kernel.ts fills it in.
const OLD_TEXT: usize = 0
const OLD_END: usize = 4
const NEW_TEXT: usize = 8
const NEW_END: usize = 12
const OLD_COUNT: usize = 16
const NEW_COUNT: usize = 20
const OLD_STARTS: usize = 24
const NEW_STARTS: usize = 28
const OLD_NUMBERS: usize = 32
const NEW_NUMBERS: usize = 36
const SLOTS: usize = 40
const MASK: usize = 44
const CLASSES: usize = 48
const SEED: usize = 52
const OLD_TALLY: usize = 56
const NEW_TALLY: usize = 60
const OLD_MARKS: usize = 64
const NEW_MARKS: usize = 68
const OLD_KEPT: usize = 72
const NEW_KEPT: usize = 76
const OLD_PLACES: usize = 80
const NEW_PLACES: usize = 84
const OLD_KEPT_COUNT: usize = 88
const NEW_KEPT_COUNT: usize = 92
const FROM: usize = 96
const OLD_BODY: usize = 100
const NEW_BODY: usize = 104
const CHANGES: usize = 108

const CONTEXT: i32 = 3

function field(at: usize): usize {
  return <usize>load<u32>(at)
}

function cut(text: usize, end: usize, starts: usize): void {
  for (let at = text; at < end; at = findNewline(at, end) + 1) {
    store<u32>(starts, <u32>(at - text))
    starts += 4
  }
  store<u32>(starts, <u32>(end - text))
}

function hashLine(at: usize, end: usize, seed: u64): u32 {
  let h = seed ^ <u64>(end - at)
  for (; at + 8 <= end; at += 8) {
    h = (h ^ load<u64>(at)) * 0x9e3779b97f4a7c15
    h ^= h >>> 29
  }
  for (; at < end; at++) h = (h ^ <u64>load<u8>(at)) * 0x9e3779b97f4a7c15
  h ^= h >>> 32
  h *= 0xd6e8feb86659fd93
  return <u32>(h >>> 32)
}

function equalBytes(a: usize, b: usize, length: usize): bool {
  let k: usize = 0
  for (; k + 16 <= length; k += 16) {
    if (i8x16.bitmask(i8x16.eq(v128.load(a + k), v128.load(b + k))) != 0xffff) return false
  }
  for (; k < length; k++) if (load<u8>(a + k) != load<u8>(b + k)) return false
  return true
}

/** Gives each line the number of its class, the lines that are equal to it; returns how many classes there are now. */
function numberLines(text: usize, starts: usize, count: u32, numbers: usize, classes: u32): u32 {
  const slots = field(SLOTS)
  const mask = load<u32>(MASK)
  const table = field(CLASSES)
  const seed = <u64>load<u32>(SEED) * 0x9e3779b97f4a7c15
  for (let i: u32 = 0; i < count; i++) {
    const at = text + <usize>load<u32>(starts + 4 * <usize>i)
    const end = text + <usize>load<u32>(starts + 4 * <usize>i, 4)
    const hash = hashLine(at, end, seed)
    let slot = hash & mask
    for (;;) {
      const known = load<u32>(slots + 4 * <usize>slot)
      if (known == 0) {
        const entry = table + 12 * <usize>classes
        store<u32>(entry, <u32>at)
        store<u32>(entry, <u32>(end - at), 4)
        store<u32>(entry, hash, 8)
        store<u32>(slots + 4 * <usize>slot, classes + 1)
        store<u32>(numbers + 4 * <usize>i, classes++)
        break
      }
      const entry = table + 12 * <usize>(known - 1)
      if (
        load<u32>(entry, 8) == hash &&
        <usize>load<u32>(entry, 4) == end - at &&
        equalBytes(<usize>load<u32>(entry), at, end - at)
      ) {
        store<u32>(numbers + 4 * <usize>i, known - 1)
        break
      }
      slot = (slot + 1) & mask
    }
  }
  return classes
}

/** Up to the search: numbers the lines and leaves out those that say little. False when the texts are equal. */
export function prepare(): bool {
  cut(field(OLD_TEXT), field(OLD_END), field(OLD_STARTS))
  cut(field(NEW_TEXT), field(NEW_END), field(NEW_STARTS))
  const oldNumbers = field(OLD_NUMBERS)
  const newNumbers = field(NEW_NUMBERS)
  const oldCount = load<i32>(OLD_COUNT)
  const newCount = load<i32>(NEW_COUNT)
  const classes = numberLines(field(OLD_TEXT), field(OLD_STARTS), oldCount, oldNumbers, 0)
  numberLines(field(NEW_TEXT), field(NEW_STARTS), newCount, newNumbers, classes)

  const shorter = min(oldCount, newCount)
  let same: i32 = 0
  while (same < shorter && word(oldNumbers, same) == word(newNumbers, same)) same++
  if (same == oldCount && same == newCount) return false
  const from = max(0, same - CONTEXT)
  let oldEnd = oldCount
  let newEnd = newCount
  while (min(oldEnd, newEnd) > from && word(oldNumbers, oldEnd - 1) == word(newNumbers, newEnd - 1)) {
    oldEnd--
    newEnd--
  }
  const tail = min(CONTEXT, oldCount - oldEnd)
  const oldLength = oldEnd + tail - from
  const newLength = newEnd + tail - from
  store<i32>(FROM, from)
  store<i32>(OLD_BODY, oldLength)
  store<i32>(NEW_BODY, newLength)

  const oldBody = oldNumbers + 4 * <usize>from
  const newBody = newNumbers + 4 * <usize>from
  tally(oldBody, oldLength, field(OLD_TALLY))
  tally(newBody, newLength, field(NEW_TALLY))
  markConfusing(oldBody, oldLength, field(NEW_TALLY), field(OLD_MARKS))
  markConfusing(newBody, newLength, field(OLD_TALLY), field(NEW_MARKS))
  store<i32>(OLD_KEPT_COUNT, keep(oldBody, oldLength, field(OLD_MARKS), field(OLD_KEPT), field(OLD_PLACES)))
  store<i32>(NEW_KEPT_COUNT, keep(newBody, newLength, field(NEW_MARKS), field(NEW_KEPT), field(NEW_PLACES)))
  return true
}

function word(array: usize, index: i32): u32 {
  return load<u32>(array + 4 * <usize>index)
}

function mark(marks: usize, index: i32): u32 {
  return <u32>load<u8>(marks + <usize>index)
}

function setMark(marks: usize, index: i32, value: u32): void {
  store<u8>(marks + <usize>index, <u8>value)
}

function tally(numbers: usize, count: i32, counts: usize): void {
  for (let i: i32 = 0; i < count; i++) {
    const at = counts + 4 * <usize>word(numbers, i)
    store<u32>(at, load<u32>(at) + 1)
  }
}

const KEEP: u32 = 0
const DROP: u32 = 1
const MAYBE: u32 = 2

function markConfusing(numbers: usize, count: i32, others: usize, marks: usize): void {
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
function keep(numbers: usize, count: i32, marks: usize, kept: usize, places: usize): i32 {
  let found: i32 = 0
  for (let i: i32 = 0; i < count; i++) {
    if (mark(marks, i) == DROP) continue
    store<u32>(kept + 4 * <usize>found, word(numbers, i))
    store<i32>(places + 4 * <usize>found, i)
    found++
  }
  return found
}

/** After the search: slides the changes and writes them, four words each; returns how many. */
export function finish(): i32 {
  const from = load<i32>(FROM)
  const oldLength = load<i32>(OLD_BODY)
  const newLength = load<i32>(NEW_BODY)
  const oldMarks = field(OLD_MARKS)
  const newMarks = field(NEW_MARKS)
  slide(oldMarks, field(OLD_NUMBERS) + 4 * <usize>from, oldLength, newMarks)
  slide(newMarks, field(NEW_NUMBERS) + 4 * <usize>from, newLength, oldMarks)
  let out = field(CHANGES)
  let changes: i32 = 0
  let i: i32 = 0
  let j: i32 = 0
  while (i < oldLength || j < newLength) {
    const oldStart = i
    const newStart = j
    while (mark(oldMarks, i)) i++
    while (mark(newMarks, j)) j++
    if (i > oldStart || j > newStart) {
      store<i32>(out, from + oldStart)
      store<i32>(out, i - oldStart, 4)
      store<i32>(out, from + newStart, 8)
      store<i32>(out, j - newStart, 12)
      out += 16
      changes++
    }
    i++
    j++
  }
  return changes
}

// The run of changed lines that is being moved, as in slide-changes.ts.
let runMarks: usize = 0
let runOther: usize = 0
let runStart: i32 = 0
let runEnd: i32 = 0
let partner: i32 = 0

function partnerOverChanges(): bool {
  const from = partner
  while (mark(runOther, partner)) partner++
  return partner > from
}

function growOverChanges(): void {
  while (mark(runMarks, runEnd)) runEnd++
}

function runBack(): void {
  setMark(runMarks, --runStart, 1)
  setMark(runMarks, --runEnd, 0)
  while (runStart > 0 && mark(runMarks, runStart - 1)) runStart--
  do partner--
  while (mark(runOther, partner))
}

function runForward(): bool {
  setMark(runMarks, runStart++, 0)
  setMark(runMarks, runEnd++, 1)
  growOverChanges()
  partner++
  return partnerOverChanges()
}

function slide(marks: usize, numbers: usize, count: i32, other: usize): void {
  runMarks = marks
  runOther = other
  runStart = runEnd = partner = 0
  for (;;) {
    while (runEnd < count && !mark(marks, runEnd)) {
      partnerOverChanges()
      partner++
      runEnd++
    }
    if (runEnd == count) return
    runStart = runEnd
    growOverChanges()
    partnerOverChanges()
    let beside = count
    for (let length: i32 = -1; length != runEnd - runStart; ) {
      length = runEnd - runStart
      while (runStart > 0 && word(numbers, runStart - 1) == word(numbers, runEnd - 1)) runBack()
      beside = partner > 0 && mark(other, partner - 1) ? runEnd : count
      while (runEnd < count && word(numbers, runStart) == word(numbers, runEnd)) {
        if (runForward()) beside = runEnd
      }
    }
    while (runEnd > beside) runBack()
  }
}

// Replaying ------------------------------------------------------------------------------------------------------------

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

/** Applies the diff [start, end). False when it does not fit; the replay is of no further use then. */
export function apply(start: usize, end: usize, thorough: bool): bool {
  strict = thorough
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
    if (mark == 0x20 || mark == 0x2d) {
      if (line == fromEnd || !passQuoted(line)) return false
      if (mark == 0x20) {
        if (made == room) return false
        store<u64>(spare + 8 * <usize>made, load<u64>(places + 8 * <usize>line))
        made++
        trailing++
      }
      line++
    } else if (mark == 0x2b) {
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
  return true
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
