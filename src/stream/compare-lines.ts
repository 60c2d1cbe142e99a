import { confusingLines } from './confusing-lines.ts'
import { searchEdits } from './edit-search.ts'
import { classifyLines } from './line-classes.ts'
import { type Lines, sameLine } from './lines.ts'
import { slideChanges } from './slide-changes.ts'

/** Lines `oldStart ..` of the old text gave way to lines `newStart ..` of the new one. One count may be 0. */
export interface Change {
  readonly oldStart: number
  readonly oldCount: number
  readonly newStart: number
  readonly newCount: number
}

/** How many lines of context a unified diff shows. GNU diff lets as many equal lines take part in the search. */
export const contextLines = 3

/**
 * What changed between two texts, in order, as GNU diff (3.x, no options but `-u`) sees it: the same changes
 * in the same places for the same texts. `test/property/stream/gnu-diff.test.ts` holds it to that.
 */
export function compareLines(oldLines: Lines, newLines: Lines): Change[] {
  const shorter = Math.min(oldLines.count, newLines.count)
  let same = 0
  while (same < shorter && sameLine(oldLines, same, newLines, same)) same++
  if (same === oldLines.count && same === newLines.count) return []
  const from = Math.max(0, same - contextLines)
  let tail = 0
  while (
    tail < shorter - from &&
    sameLine(oldLines, oldLines.count - 1 - tail, newLines, newLines.count - 1 - tail)
  ) {
    tail++
  }
  tail = Math.max(0, tail - contextLines)
  const oldEnd = oldLines.count - tail
  const newEnd = newLines.count - tail

  const classes = classifyLines(oldLines, newLines, from, oldEnd, newEnd)
  const oldMarks = new Uint8Array(oldEnd - from + 1)
  const newMarks = new Uint8Array(newEnd - from + 1)
  const oldSearched = leaveOut(classes.old, countClasses(classes.new, classes.size), oldMarks)
  const newSearched = leaveOut(classes.new, countClasses(classes.old, classes.size), newMarks)
  searchEdits(
    oldSearched.classes,
    newSearched.classes,
    (i) => (oldMarks[oldSearched.lines[i]!] = 1),
    (j) => (newMarks[newSearched.lines[j]!] = 1),
  )
  slideChanges(oldMarks, classes.old, newMarks)
  slideChanges(newMarks, classes.new, oldMarks)
  return collectChanges(oldMarks, newMarks, from)
}

function countClasses(classes: Int32Array, size: number): Int32Array {
  const counts = new Int32Array(size)
  for (const number of classes) counts[number]!++
  return counts
}

/** Marks the lines that the search leaves out; returns the others, by class and by their place. */
function leaveOut(
  classes: Int32Array,
  otherCounts: Int32Array,
  marks: Uint8Array,
): { classes: Int32Array; lines: Int32Array } {
  const left = confusingLines(classes, otherCounts)
  marks.set(left)
  const kept = new Int32Array(classes.length)
  const lines = new Int32Array(classes.length)
  let count = 0
  for (let i = 0; i < classes.length; i++) {
    if (left[i] === 1) continue
    kept[count] = classes[i]!
    lines[count++] = i
  }
  return { classes: kept.subarray(0, count), lines: lines.subarray(0, count) }
}

function collectChanges(oldMarks: Uint8Array, newMarks: Uint8Array, from: number): Change[] {
  const changes: Change[] = []
  let i = 0
  let j = 0
  while (i < oldMarks.length - 1 || j < newMarks.length - 1) {
    const oldStart = i
    const newStart = j
    while (oldMarks[i] === 1) i++
    while (newMarks[j] === 1) j++
    if (i > oldStart || j > newStart) {
      changes.push({
        oldStart: from + oldStart,
        oldCount: i - oldStart,
        newStart: from + newStart,
        newCount: j - newStart,
      })
    }
    i++
    j++
  }
  return changes
}
