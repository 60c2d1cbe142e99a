/**
 * Where a run of changed lines could as well stand one line earlier or later (the line before it equals its
 * last, or the line behind it its first), GNU diff joins it with runs it touches on the way, then leaves it as
 * late as it can stand, or beside a run of changes in the other text when there is such a place. This does the
 * same to the marks of one text. `other` are those of its partner; both have 1 for a changed line and one
 * spare 0 at the end.
 */
export function slideChanges(marks: Uint8Array, classes: Int32Array, other: Uint8Array): void {
  const count = classes.length
  let end = 0
  /** The unchanged line of the other text that is the partner of line `end`. */
  let partner = 0

  function overChanges(): boolean {
    const from = partner
    while (other[partner] === 1) partner++
    return partner > from
  }

  for (;;) {
    while (end < count && marks[end] === 0) {
      overChanges()
      partner++
      end++
    }
    if (end === count) return
    let start = end
    while (marks[end] === 1) end++
    overChanges()

    /** Moves the run one line back. It may touch, and so take in, an earlier run. */
    const back = (): void => {
      marks[--start] = 1
      marks[--end] = 0
      while (start > 0 && marks[start - 1] === 1) start--
      do partner--
      while (other[partner] === 1)
    }

    /** The last end of the run beside which the other text has changes too; `count` when there was none. */
    let beside = count
    for (let length = -1; length !== end - start;) {
      length = end - start
      while (start > 0 && classes[start - 1] === classes[end - 1]) back()
      beside = partner > 0 && other[partner - 1] === 1 ? end : count
      while (end < count && classes[start] === classes[end]) {
        marks[start++] = 0
        marks[end++] = 1
        while (marks[end] === 1) end++
        partner++
        if (overChanges()) beside = end
      }
    }
    while (beside < end) back()
  }
}
