import { corrupt } from '../errors.ts'

const newline = 10
const markContext = 0x20
const markAdded = 0x2b
const markRemoved = 0x2d
const backslash = 0x5c

/** A place where a unified diff changes lines, without the context around it. */
export interface DiffChange {
  /** How many lines of the old / new text come before. */
  readonly oldStart: number
  readonly newStart: number
  readonly removed: number
  readonly added: number
  /** The removed and added lines as they stand in the diff, marks included. */
  readonly body: Buffer
}

/** The length of the two lines that a diff begins with; 0 for an empty diff. */
export function diffHeaderLength(diff: Buffer): number {
  return diff.indexOf(newline, diff.indexOf(newline) + 1) + 1
}

/** The changes of a diff in order. The diff must be well formed; `what` names it in errors. */
export function* diffChanges(diff: Buffer, what: string): Generator<DiffChange> {
  let at = diffHeaderLength(diff)
  const pass = (): void => {
    const found = diff.indexOf(newline, at)
    if (found < 0) throw corrupt(what, 'a line that does not end')
    at = found + 1
  }
  while (at < diff.length) {
    const header = diff.toString('latin1', at, at + 64)
    const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(header)
    if (match === null) throw corrupt(what, 'no hunk of a unified diff')
    pass()
    let [oldLeft, newLeft] = [Number(match[2] ?? 1), Number(match[4] ?? 1)]
    // An empty range names the line before it, any other its first line, counting from 1.
    let oldStart = Number(match[1]) - (oldLeft === 0 ? 0 : 1)
    let newStart = Number(match[3]) - (newLeft === 0 ? 0 : 1)
    while (oldLeft > 0 || newLeft > 0) {
      if (diff[at] === markContext) {
        pass()
        if (diff[at] === backslash) pass()
        oldLeft--
        newLeft--
        oldStart++
        newStart++
        continue
      }
      const from = at
      let [removed, added] = [0, 0]
      for (; diff[at] === markRemoved || diff[at] === markAdded || diff[at] === backslash; pass()) {
        // Behind a hunk's last line there may be a header that looks like a removed line.
        const mark = diff[at]
        if (mark !== backslash && removed === oldLeft && added === newLeft) break
        if (mark === markRemoved) removed++
        else if (mark === markAdded) added++
      }
      if (removed + added === 0 || removed > oldLeft || added > newLeft)
        throw corrupt(what, 'a hunk of the wrong length')
      yield { oldStart, newStart, removed, added, body: diff.subarray(from, at) }
      oldLeft -= removed
      newLeft -= added
      oldStart += removed
      newStart += added
    }
    if (diff[at] === backslash) pass()
  }
}

/**
 * The same unified diff without its context lines (as `diff -U0` shows it). Replay does not need them, and they
 * are most of a diff; `patch` accepts both forms.
 */
export function stripContext(diff: Uint8Array, what: string): Buffer {
  const source = Buffer.from(diff.buffer, diff.byteOffset, diff.length)
  const parts: Uint8Array[] = [source.subarray(0, diffHeaderLength(source))]
  for (const { oldStart, newStart, removed, added, body } of diffChanges(source, what)) {
    parts.push(
      Buffer.from(`@@ -${formatRange(oldStart, removed)} +${formatRange(newStart, added)} @@\n`),
      body,
    )
  }
  return Buffer.concat(parts)
}

/** A range of a hunk: lines count from 1, an empty range is named by the line before it, a count of 1 is left out. */
export function formatRange(start: number, count: number): string {
  if (count === 1) return `${start + 1}`
  return count === 0 ? `${start},0` : `${start + 1},${count}`
}

/** The lines of a change's body that begin with `mark`, without it and without their newlines. */
export function linesWith(mark: '+' | '-', body: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let at = 0; at < body.length;) {
    const end = body.indexOf(newline, at)
    if (body[at] === mark.charCodeAt(0)) lines.push(body.subarray(at + 1, end))
    at = end + 1
  }
  return lines
}
