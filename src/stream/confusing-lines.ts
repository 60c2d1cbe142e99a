const keep = 0
const drop = 1
const maybe = 2

/**
 * Chooses which lines of one text the search for common lines may leave out, as GNU diff does: the search is
 * over far fewer lines then, and its answer is the one people are used to.
 *
 * A line that the other text does not have is certainly changed (`drop`). A line that the other text has very
 * often says little about what belongs together; it may be left out as well, but only inside a run of dropped
 * lines, where leaving it costs no chance of a good match.
 *
 * `numbers` are this text's lines, `otherCounts[c]` how often the other text has number `c`. The result has 1
 * where a line is left out (and so is a changed one), 0 elsewhere.
 */
export function confusingLines(numbers: Int32Array, otherCounts: Int32Array): Uint8Array {
  const often = frequencyBound(numbers.length)
  const marks = new Uint8Array(numbers.length)
  for (let i = 0; i < marks.length; i++) {
    const count = otherCounts[numbers[i]!]!
    marks[i] = count === 0 ? drop : count > often ? maybe : keep
  }
  for (let at = 0; at < marks.length;) {
    if (marks[at] === keep) {
      at++
      continue
    }
    let end = at
    while (end < marks.length && marks[end] !== keep) end++
    settleRun(marks, at, end)
    at = end
  }
  return marks
}

/** From how many occurrences on a line says little: 5 for short texts, growing with the square root of the length. */
function frequencyBound(count: number): number {
  let bound = 5
  for (let rest = Math.floor(count / 64) >> 2; rest > 0; rest >>= 2) bound *= 2
  return bound
}

/** Decides each `maybe` of the run `start .. end` of lines that are all `drop` or `maybe`. */
function settleRun(marks: Uint8Array, start: number, end: number): void {
  // Both ends of what is left must be lines that are certainly changed.
  while (start < end && marks[start] === maybe) marks[start++] = keep
  while (start < end && marks[end - 1] === maybe) marks[--end] = keep
  const length = end - start
  let doubtful = 0
  for (let i = start; i < end; i++) if (marks[i] === maybe) doubtful++
  if (doubtful === 0) return
  if (doubtful * 4 > length) {
    for (let i = start; i < end; i++) if (marks[i] === maybe) marks[i] = keep
    return
  }
  keepLongStretches(marks, start, end)
  keepNearEdge(marks, start, 1, length)
  keepNearEdge(marks, end - 1, -1, length)
  for (let i = start; i < end; i++) if (marks[i] === maybe) marks[i] = drop
}

/** Many doubtful lines together do mean something: about a quarter root of the run's length and more are kept. */
function keepLongStretches(marks: Uint8Array, start: number, end: number): void {
  let bound = 1
  for (let rest = (end - start) >> 4; rest > 0; rest >>= 2) bound *= 2
  bound++
  for (let i = start; i < end;) {
    let stop = i
    while (stop < end && marks[stop] === maybe) stop++
    if (stop - i >= bound) marks.fill(keep, i, stop)
    i = Math.max(stop, i + 1)
  }
}

/**
 * Keeps doubtful lines close to an edge of the run, going inwards by `step`: up to three certain lines in a
 * row, or to the first certain line that is eight or more lines in.
 */
function keepNearEdge(marks: Uint8Array, edge: number, step: number, length: number): void {
  let certain = 0
  for (let j = 0; j < length && certain < 3; j++) {
    const at = edge + step * j
    if (marks[at] === drop) {
      if (j >= 8) return
      certain++
    } else {
      marks[at] = keep
      certain = 0
    }
  }
}
