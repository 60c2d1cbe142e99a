// As src/stream/slide-changes.ts.

import { mark, setMark, word } from './words'

// The run of changed lines that is being moved.
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

export function slide(marks: usize, numbers: usize, count: i32, other: usize): void {
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
