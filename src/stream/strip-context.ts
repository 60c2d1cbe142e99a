import { corrupt } from '../errors.ts'

const newline = 10
const markContext = 0x20
const markAdded = 0x2b
const markRemoved = 0x2d
const backslash = 0x5c

/**
 * The same unified diff without its context lines (as `diff -U0` shows it). Replay does not need them, and they
 * are most of a diff; `patch` accepts both forms. The diff must be well formed (it has been applied before).
 */
export function stripContext(diff: Uint8Array, what: string): Buffer {
  const source = Buffer.from(diff.buffer, diff.byteOffset, diff.length)
  const parts: Uint8Array[] = []
  let at = 0
  const lineEnd = (): number => {
    const found = source.indexOf(newline, at)
    if (found < 0) throw corrupt(what, 'a line that does not end')
    return found + 1
  }
  for (let i = 0; i < 2 && at < source.length; i++) at = lineEnd()
  parts.push(source.subarray(0, at))

  while (at < source.length) {
    const end = lineEnd()
    const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(
      source.toString('latin1', at, Math.min(end, at + 64)),
    )
    if (match === null) throw corrupt(what, 'no hunk of a unified diff')
    at = end
    let [oldLeft, newLeft] = [Number(match[2] ?? 1), Number(match[4] ?? 1)]
    // Line numbers in front of which we stand; an empty range names the line before it.
    let oldLine = Number(match[1]) + (oldLeft === 0 ? 1 : 0)
    let newLine = Number(match[3]) + (newLeft === 0 ? 1 : 0)
    while (oldLeft > 0 || newLeft > 0) {
      if (source[at] === markContext) {
        at = lineEnd()
        if (source[at] === backslash) at = lineEnd()
        oldLeft--
        newLeft--
        oldLine++
        newLine++
        continue
      }
      const from = at
      let [removed, added] = [0, 0]
      for (
        ;
        source[at] === markRemoved || source[at] === markAdded || source[at] === backslash;
        at = lineEnd()
      ) {
        if (source[at] === markRemoved) removed++
        else if (source[at] === markAdded) added++
        if (removed > oldLeft || added > newLeft) throw corrupt(what, 'more lines than the hunk announces')
      }
      if (removed + added === 0) throw corrupt(what, 'a line that is no part of a hunk')
      parts.push(
        Buffer.from(`@@ -${range(oldLine, removed)} +${range(newLine, added)} @@\n`),
        source.subarray(from, at),
      )
      oldLeft -= removed
      newLeft -= added
      oldLine += removed
      newLine += added
    }
    if (source[at] === backslash) at = lineEnd()
  }
  return Buffer.concat(parts)
}

function range(line: number, count: number): string {
  if (count === 1) return String(line)
  return `${count === 0 ? line - 1 : line},${count}`
}
