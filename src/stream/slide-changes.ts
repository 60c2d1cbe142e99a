/**
 * Where a run of changed lines could as well stand one line earlier or later (the line before it equals its
 * last, or the line behind it its first), GNU diff joins it with runs it touches on the way, then leaves it as
 * late as it can stand, or beside a run of changes in the other text when there is such a place. This does the
 * same to the marks of one text. `other` are those of its partner; both have 1 for a changed line and one
 * spare 0 at the end.
 */
export function slideChanges(marks: Uint8Array, numbers: Int32Array, other: Uint8Array): void {
  const count = numbers.length
  const run = new Run(marks, other)
  for (;;) {
    while (run.end < count && marks[run.end] === 0) run.passUnchanged()
    if (run.end === count) return
    run.begin()
    /** The last end of the run beside which the other text has changes too; `count` when there was none. */
    let beside = count
    for (let length = -1; length !== run.end - run.start;) {
      length = run.end - run.start
      while (run.start > 0 && numbers[run.start - 1] === numbers[run.end - 1]) run.back()
      beside = run.isBesideChanges() ? run.end : count
      while (run.end < count && numbers[run.start] === numbers[run.end]) {
        if (run.forward()) beside = run.end
      }
    }
    while (run.end > beside) run.back()
  }
}

/** The run of changed lines `start .. end` that is being moved. It may touch, and then takes in, other runs. */
class Run {
  start = 0
  end = 0
  /** The unchanged line of the other text that is the partner of line `end`. */
  #partner = 0
  readonly #marks: Uint8Array
  readonly #other: Uint8Array

  constructor(marks: Uint8Array, other: Uint8Array) {
    this.#marks = marks
    this.#other = other
  }

  passUnchanged(): void {
    this.#partnerOverChanges()
    this.#partner++
    this.end++
  }

  /** Takes the changed line at `end` and those behind it as the run. */
  begin(): void {
    this.start = this.end
    this.#growOverChanges()
    this.#partnerOverChanges()
  }

  /** Moves the run one line back. */
  back(): void {
    this.#marks[--this.start] = 1
    this.#marks[--this.end] = 0
    while (this.start > 0 && this.#marks[this.start - 1] === 1) this.start--
    do this.#partner--
    while (this.#other[this.#partner] === 1)
  }

  /** Moves the run one line on. True when that brought it beside changes in the other text. */
  forward(): boolean {
    this.#marks[this.start++] = 0
    this.#marks[this.end++] = 1
    this.#growOverChanges()
    this.#partner++
    return this.#partnerOverChanges()
  }

  isBesideChanges(): boolean {
    return this.#partner > 0 && this.#other[this.#partner - 1] === 1
  }

  #growOverChanges(): void {
    while (this.#marks[this.end] === 1) this.end++
  }

  #partnerOverChanges(): boolean {
    const from = this.#partner
    while (this.#other[this.#partner] === 1) this.#partner++
    return this.#partner > from
  }
}
