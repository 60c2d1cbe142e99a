import { keep, markConfusing, tally } from './confusing-lines'
import { CHANGES, FROM, HEAD, NEW_BODY, NEW_COUNT, NEW_END, NEW_KEPT, NEW_KEPT_COUNT, NEW_MARKS, NEW_NUMBERS, NEW_PLACES, NEW_STARTS, NEW_TALLY, NEW_TEXT, OLD_BODY, OLD_COUNT, OLD_END, OLD_KEPT, OLD_KEPT_COUNT, OLD_MARKS, OLD_NUMBERS, OLD_PLACES, OLD_STARTS, OLD_TALLY, OLD_TEXT, TAIL, field } from './frame'
import { cut, numberLines } from './number-lines'
import { slide } from './slide-changes'
import { mark, word } from './words'

const CONTEXT: i32 = 3

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
  const oldKept = keep(oldBody, oldLength, field(OLD_MARKS), field(OLD_KEPT), field(OLD_PLACES))
  const newKept = keep(newBody, newLength, field(NEW_MARKS), field(NEW_KEPT), field(NEW_PLACES))
  store<i32>(OLD_KEPT_COUNT, oldKept)
  store<i32>(NEW_KEPT_COUNT, newKept)
  findEnds(oldKept, newKept)
  return true
}

/** How many of the lines that are searched are equal on both sides, at the beginning and behind that at the end. */
function findEnds(oldKept: i32, newKept: i32): void {
  const a = field(OLD_KEPT)
  const b = field(NEW_KEPT)
  const most = min(oldKept, newKept)
  let head: i32 = 0
  while (head < most && word(a, head) == word(b, head)) head++
  let tail: i32 = 0
  while (tail < most - head && word(a, oldKept - 1 - tail) == word(b, newKept - 1 - tail)) tail++
  store<i32>(HEAD, head)
  store<i32>(TAIL, tail)
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
