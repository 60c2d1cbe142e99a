import { compareInKernel } from './compare-kernel.ts'
import { confusingLines } from './confusing-lines.ts'
import { searchEdits } from './edit-search.ts'
import { LineTable } from './line-table.ts'
import { cutLines, type Lines } from './lines.ts'
import { slideChanges } from './slide-changes.ts'

/** Lines `oldStart ..` of the old text gave way to lines `newStart ..` of the new one. One count may be 0. */
export interface Change {
  readonly oldStart: number
  readonly oldCount: number
  readonly newStart: number
  readonly newCount: number
}

/** How many lines of context a unified diff shows. */
export const contextLines = 3

/** Two texts in lines, and what changed from one to the other, in order. */
export interface Comparison {
  readonly oldLines: Lines
  readonly newLines: Lines
  readonly changes: readonly Change[]
}

/**
 * What changed between two texts as GNU diff (3.x, no options but `-u`) sees it: the same changes
 * in the same places for the same texts. `test/property/stream/gnu-diff.test.ts` holds it to that.
 */
export function compareTexts(oldText: Uint8Array, newText: Uint8Array): Comparison {
  return compareInKernel(oldText, newText) ?? comparePlainly(oldText, newText)
}

/** The same without WebAssembly. */
export function comparePlainly(oldText: Uint8Array, newText: Uint8Array): Comparison {
  const oldLines = cutLines(oldText)
  const newLines = cutLines(newText)
  const table = new LineTable()
  const oldNumbers = table.number(oldLines)
  const newNumbers = table.number(newLines)
  return { oldLines, newLines, changes: compareNumbers(oldNumbers, newNumbers, table.size) }
}

/** The changes between texts whose lines have been numbered, below `size`, by one table. */
function compareNumbers(oldNumbers: Int32Array, newNumbers: Int32Array, size: number): Change[] {
  const shorter = Math.min(oldNumbers.length, newNumbers.length)
  let same = 0
  while (same < shorter && oldNumbers[same] === newNumbers[same]) same++
  if (same === oldNumbers.length && same === newNumbers.length) return []
  // GNU diff lets as many equal lines on either side take part as it shows in context.
  const from = Math.max(0, same - contextLines)
  let oldEnd = oldNumbers.length
  let newEnd = newNumbers.length
  while (Math.min(oldEnd, newEnd) > from && oldNumbers[oldEnd - 1] === newNumbers[newEnd - 1]) {
    oldEnd--
    newEnd--
  }
  const tail = Math.min(contextLines, oldNumbers.length - oldEnd)
  const oldBody = oldNumbers.subarray(from, oldEnd + tail)
  const newBody = newNumbers.subarray(from, newEnd + tail)

  const oldMarks = new Uint8Array(oldBody.length + 1)
  const newMarks = new Uint8Array(newBody.length + 1)
  const oldSearched = leaveOut(oldBody, countNumbers(newBody, size), oldMarks)
  const newSearched = leaveOut(newBody, countNumbers(oldBody, size), newMarks)
  searchEdits(
    oldSearched.numbers,
    newSearched.numbers,
    (i) => (oldMarks[oldSearched.lines[i]!] = 1),
    (j) => (newMarks[newSearched.lines[j]!] = 1),
  )
  slideChanges(oldMarks, oldBody, newMarks)
  slideChanges(newMarks, newBody, oldMarks)
  return collectChanges(oldMarks, newMarks, from)
}

function countNumbers(numbers: Int32Array, size: number): Int32Array {
  const counts = new Int32Array(size)
  for (const number of numbers) counts[number]!++
  return counts
}

/** Marks the lines that the search leaves out; returns the others, by number and by their place. */
function leaveOut(
  numbers: Int32Array,
  otherCounts: Int32Array,
  marks: Uint8Array,
): { numbers: Int32Array; lines: Int32Array } {
  const left = confusingLines(numbers, otherCounts)
  marks.set(left)
  const kept = new Int32Array(numbers.length)
  const lines = new Int32Array(numbers.length)
  let count = 0
  for (let i = 0; i < numbers.length; i++) {
    if (left[i] === 1) continue
    kept[count] = numbers[i]!
    lines[count++] = i
  }
  return { numbers: kept.subarray(0, count), lines: lines.subarray(0, count) }
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
