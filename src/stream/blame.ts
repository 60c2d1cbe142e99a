import { diffChanges } from './diff-changes.ts'
import { cutLines } from './lines.ts'
import type { VersionName } from './version-name.ts'
import type { Step } from './walk-versions.ts'

/** A line of a version, and the version since which it has stood there. */
export interface BlamedLine {
  readonly since: VersionName
  /** Its bytes, with its newline if it has one. */
  readonly line: Uint8Array
}

/** The lines of the last of `steps`, each with the version that brought it. */
export async function blameLines(steps: AsyncIterable<Step>): Promise<BlamedLine[]> {
  const names: VersionName[] = []
  let origins = new Int32Array(0)
  // Only the last one's content is put together: it can be, as long as the walk has gone no further.
  let last: Step | undefined
  for await (const step of steps) {
    origins = carryOver(origins, step.diff, names.length, step.name)
    names.push(step.name)
    last = step
  }
  const lines = cutLines(last?.content() ?? new Uint8Array(0))
  return Array.from({ length: lines.count }, (_, i) => ({
    since: names[origins[i]!]!,
    line: lines.bytes.subarray(lines.starts[i], lines.starts[i + 1]),
  }))
}

/** The origins of the lines after `diff`: those that stay keep theirs, those that come have `number`. */
function carryOver(origins: Int32Array, diff: Buffer, number: number, what: string): Int32Array<ArrayBuffer> {
  const changes = [...diffChanges(diff, what)]
  const growth = changes.reduce((sum, change) => sum + change.added - change.removed, 0)
  const next = new Int32Array(origins.length + growth)
  let from = 0
  let to = 0
  for (const { oldStart, removed, added } of changes) {
    next.set(origins.subarray(from, oldStart), to)
    to += oldStart - from
    next.fill(number, to, to + added)
    to += added
    from = oldStart + removed
  }
  next.set(origins.subarray(from), to)
  return next
}
