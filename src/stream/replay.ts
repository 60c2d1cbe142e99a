import { corrupt } from '../errors.ts'

const newline = 10
const backslash = 0x5c
const markContext = 0x20
const markAdded = 0x2b
const markRemoved = 0x2d
const digit0 = 0x30

export interface ApplyOptions {
  /** From the newer text to the older one. */
  readonly reverse?: boolean
  /**
   * Compare every line that the diff quotes, and take it for the end of the text where a diff must have seen one.
   * Without it only where lines end is checked, and the caller checks the result.
   */
  readonly strict?: boolean
}

/** A text that takes one diff after another, all of them in one byte string with it. */
export interface TextReplay {
  /** Applies the diff `pool[start .. end)`; `what` names it in errors. An empty diff changes nothing. */
  apply(start: number, end: number, what: string, options?: ApplyOptions): void
  /** The text as it stands now. */
  bytes(): Buffer
  /** The caller uses it no more. Not needed, but then the next one costs less. */
  release(): void
}

/**
 * A text that takes one unified diff after another. Text and diffs lie in one byte string (the pool), and the
 * text is no more than the places of its lines in it, so that a diff costs a few microseconds however long the
 * lines are, and bytes are put together only for the version that is asked for.
 *
 * Diffs are applied exactly where they say; there is no fuzz. One that does not fit throws `corrupt`, and then
 * the replay is of no further use.
 */
export class Replay implements TextReplay {
  readonly #pool: Uint8Array
  /** Line `i` of the text is `pool[places[2 * i] .. places[2 * i + 1])`. */
  #places: Int32Array
  #count = 0
  /** The text in the making, from where it is no longer the old one with lines replaced in place. */
  #next: Int32Array
  #nextCount = 0
  #inPlace = true
  /** Where the parser stands in the pool, and where its diff ends. */
  #at = 0
  #end = 0
  #what = ''

  /** Begins with the text `pool[start .. end)`. */
  constructor(pool: Uint8Array, start: number, end: number) {
    this.#pool = pool
    const capacity = Math.max(32, (end - start) >>> 3)
    this.#places = new Int32Array(capacity)
    this.#next = new Int32Array(capacity)
    for (let at = start; at < end;) {
      const found = find(pool, newline, at)
      const next = found < 0 || found >= end ? end : found + 1
      this.#push(at, next)
      at = next
    }
    this.#swap()
  }

  apply(start: number, end: number, what: string, options: ApplyOptions = {}): void {
    this.#at = start
    this.#end = end
    this.#what = what
    this.#nextCount = 0
    this.#inPlace = true
    if (start === end) return
    this.#header('--- ')
    this.#header('+++ ')
    let done = 0
    while (this.#at < end) done = this.#hunk(done, options.reverse === true, options.strict === true)
    if (this.#inPlace) return
    this.#copy(done, this.#count)
    this.#swap()
  }

  /** How many bytes the text has now. */
  get length(): number {
    let length = 0
    for (let i = 0; i < 2 * this.#count; i += 2) length += this.#places[i + 1]! - this.#places[i]!
    return length
  }

  bytes(): Buffer {
    const pool = this.#pool
    const places = this.#places
    const text = Buffer.allocUnsafe(this.length)
    let at = 0
    for (let i = 0; i < 2 * this.#count;) {
      const start = places[i]!
      let end = places[i + 1]!
      for (i += 2; i < 2 * this.#count && places[i] === end; i += 2) end = places[i + 1]!
      // For a short piece a loop is quicker than the call.
      if (end - start > shortPiece) text.set(pool.subarray(start, end), at)
      else for (let k = start; k < end; k++) text[at + k - start] = pool[k]!
      at += end - start
    }
    return text
  }

  release(): void {}

  #fail(problem: string): Error {
    return corrupt(this.#what, `${problem} at byte ${this.#at}`)
  }

  #header(prefix: string): void {
    for (let i = 0; i < prefix.length; i++) {
      if (this.#at + i >= this.#end || this.#pool[this.#at + i] !== prefix.charCodeAt(i)) {
        throw this.#fail(`no line "${prefix.trim()}" of a unified diff`)
      }
    }
    this.#at = this.#lineEnd() + 1
  }

  /** Where the newline of the line at hand is. */
  #lineEnd(): number {
    const found = find(this.#pool, newline, this.#at)
    if (found < 0 || found >= this.#end) throw this.#fail('a line that does not end')
    return found
  }

  /** One hunk; `done` lines of the text are dealt with. Returns how many are after it. */
  #hunk(done: number, reverse: boolean, strict: boolean): number {
    this.#expect('@@ -')
    const oldRange = this.#range()
    this.#expect(' +')
    const newRange = this.#range()
    this.#expect(' @@')
    this.#at = this.#lineEnd() + 1

    const [from, to] = reverse ? [newRange, oldRange] : [oldRange, newRange]
    const drop = reverse ? markAdded : markRemoved
    if (from.start < done || from.start + from.count > this.#count)
      throw this.#fail('a hunk outside the text')
    if (this.#inPlace) this.#nextCount = 0
    else this.#copy(done, from.start)
    const shift = this.#inPlace ? from.start : 0
    if (to.start !== this.#nextCount + shift) throw this.#fail('a hunk that is out of place')
    const fromEnd = from.start + from.count
    const toEnd = to.start + to.count - shift
    let line = from.start
    let leading = -1
    let trailing = 0
    while (line < fromEnd || this.#nextCount < toEnd) {
      const mark = this.#at < this.#end ? this.#pool[this.#at]! : 0
      if (mark === markContext || mark === drop) {
        if (line === fromEnd) throw this.#fail('more lines than the hunk announces')
        this.#quoted(line, strict)
        if (mark === markContext) {
          this.#push(this.#places[2 * line]!, this.#places[2 * line + 1]!)
          trailing++
        }
        line++
      } else if (mark === markAdded || mark === markRemoved) {
        if (this.#nextCount === toEnd) throw this.#fail('more lines than the hunk announces')
        this.#inserted()
      } else throw this.#fail('a line that is no part of a hunk')
      if (mark !== markContext) {
        if (leading < 0) leading = trailing
        trailing = 0
      }
    }
    // Less context on one side than on the other means that the text ended there.
    const atStart = leading >= trailing || from.start === 0
    const atEnd = trailing >= leading || fromEnd === this.#count
    if (strict && !(atStart && atEnd)) throw this.#fail('does not fit the text')
    if (this.#inPlace) this.#settle(from.start, from.count)
    return fromEnd
  }

  /**
   * Puts the lines of a hunk, which are all there is in `#next`, in place of `count` lines. While hunks replace
   * lines by as many, the text is changed where it is; from the first that does not, it is written anew.
   */
  #settle(start: number, count: number): void {
    const lines = this.#next.subarray(0, 2 * this.#nextCount)
    if (this.#nextCount === count) {
      for (let k = 0; k < lines.length; k++) this.#places[2 * start + k] = lines[k]!
      return
    }
    const kept = lines.slice()
    this.#inPlace = false
    this.#nextCount = 0
    this.#copy(0, start)
    for (let k = 0; k < kept.length; k += 2) this.#push(kept[k]!, kept[k + 1]!)
  }

  /** Passes a line that must be line `line` of the text. */
  #quoted(line: number, strict: boolean): void {
    const pool = this.#pool
    const start = this.#places[2 * line]!
    const length = this.#places[2 * line + 1]! - start
    const at = this.#at + 1
    const whole = length > 0 && pool[start + length - 1] === newline
    // Where the text's line has its newline, or would have it, the diff's must have one.
    const last = whole ? at + length - 1 : at + length
    if (last >= this.#end || pool[last] !== newline) throw this.#fail('does not fit the text')
    if (strict) {
      for (let k = 0; k < length; k++) {
        if (pool[at + k] !== pool[start + k]) throw this.#fail('does not fit the text')
      }
    }
    this.#at = last + 1
    if (this.#passNoNewline() === whole) throw this.#fail('does not fit the text')
  }

  /** Takes a new line of the text from the diff. */
  #inserted(): void {
    const start = this.#at + 1
    this.#at++
    const end = this.#lineEnd()
    this.#at = end + 1
    this.#push(start, this.#passNoNewline() ? end : end + 1)
  }

  /** Passes a `\ No newline at end of file` if there is one. Its words depend on the language, so they do not count. */
  #passNoNewline(): boolean {
    if (this.#at >= this.#end || this.#pool[this.#at] !== backslash) return false
    this.#at = this.#lineEnd() + 1
    return true
  }

  #expect(text: string): void {
    for (let i = 0; i < text.length; i++) {
      if (this.#pool[this.#at] !== text.charCodeAt(i) || this.#at >= this.#end) {
        throw this.#fail('no hunk of a unified diff')
      }
      this.#at++
    }
  }

  /** `start,count` or `start`: how many lines come before, and how many there are. */
  #range(): { start: number; count: number } {
    const start = this.#number()
    let count = 1
    if (this.#pool[this.#at] === 0x2c) {
      this.#at++
      count = this.#number()
    }
    if (count > 0 && start === 0) throw this.#fail('a line number of 0')
    return { start: count === 0 ? start : start - 1, count }
  }

  #number(): number {
    let value = -1
    for (; this.#at < this.#end; this.#at++) {
      const digit = this.#pool[this.#at]! - digit0
      if (digit < 0 || digit > 9) break
      value = (value < 0 ? 0 : value) * 10 + digit
      if (value > 0x7fffffff) throw this.#fail('a number too large')
    }
    if (value < 0) throw this.#fail('no number')
    return value
  }

  /** Takes over lines `from .. to` of the text as they are. */
  #copy(from: number, to: number): void {
    this.#reserve(to - from)
    this.#next.set(this.#places.subarray(2 * from, 2 * to), 2 * this.#nextCount)
    this.#nextCount += to - from
  }

  #push(start: number, end: number): void {
    this.#reserve(1)
    this.#next[2 * this.#nextCount] = start
    this.#next[2 * this.#nextCount++ + 1] = end
  }

  #reserve(more: number): void {
    const needed = 2 * (this.#nextCount + more)
    if (needed <= this.#next.length) return
    const larger = new Int32Array(Math.max(needed, 2 * this.#next.length))
    larger.set(this.#next.subarray(0, 2 * this.#nextCount))
    this.#next = larger
  }

  #swap(): void {
    const places = this.#places
    this.#places = this.#next
    this.#count = this.#nextCount
    this.#next = places
    this.#nextCount = 0
  }
}

const shortPiece = 200

/** As `bytes.indexOf`, but never Buffer's own, which is slower to call. */
function find(bytes: Uint8Array, byte: number, from: number): number {
  return Uint8Array.prototype.indexOf.call(bytes, byte, from)
}

/** The text that `diff` makes of `text`; throws `corrupt` when it does not fit. */
export function applyDiff(text: Uint8Array, diff: Uint8Array, options: { reverse?: boolean } = {}): Buffer {
  const replay = new Replay(Buffer.concat([text, diff]), 0, text.length)
  replay.apply(text.length, text.length + diff.length, 'diff', { ...options, strict: true })
  return replay.bytes()
}
