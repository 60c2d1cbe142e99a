import { type Change, type Comparison, compareTexts, contextLines } from './compare-lines.ts'
import { formatRange } from './diff-changes.ts'
import type { Lines } from './lines.ts'

/** The two names in a diff's first lines. Those of the states of a stream are the default. */
export interface DiffLabels {
  readonly old: string
  readonly new: string
}

const stateLabels: DiffLabels = { old: 'previous', new: 'current' }

const markContext = 0x20
const markAdded = 0x2b
const markRemoved = 0x2d
const newline = 10
const noNewline: Uint8Array = Buffer.from('\n\\ No newline at end of file\n')

/**
 * The bytes that GNU `diff --text -u --label previous --label current` writes for two texts; empty when they
 * are equal. Contents need not be text: any bytes are kept.
 */
export function unifiedDiff(
  oldText: Uint8Array,
  newText: Uint8Array,
  labels: DiffLabels = stateLabels,
): Uint8Array {
  return formatUnified(compareTexts(oldText, newText), labels)
}

/** Writes a comparison in the unified format; nothing when the texts are equal. */
export function formatUnified(comparison: Comparison, labels: DiffLabels = stateLabels): Uint8Array {
  const { oldLines, newLines, changes } = comparison
  if (changes.length === 0) return new Uint8Array(0)
  const out = new DiffWriter(oldLines, newLines)
  out.text(`--- ${labels.old}\n+++ ${labels.new}\n`)
  for (let first = 0; first < changes.length;) {
    let last = first
    while (last + 1 < changes.length && gap(changes[last]!, changes[last + 1]!) <= 2 * contextLines) last++
    out.hunk(changes.slice(first, last + 1))
    first = last + 1
  }
  return out.finish()
}

function gap(change: Change, next: Change): number {
  return next.oldStart - (change.oldStart + change.oldCount)
}

/** Without Buffer's own methods, which take many times as long when they run for the first time. */
function plain({ bytes, count, starts }: Lines): Lines {
  return { bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), count, starts }
}

class DiffWriter {
  readonly #old: Lines
  readonly #new: Lines
  #bytes: Uint8Array
  #length = 0

  constructor(oldLines: Lines, newLines: Lines) {
    this.#old = plain(oldLines)
    this.#new = plain(newLines)
    this.#bytes = new Uint8Array(65_536)
  }

  hunk(changes: readonly Change[]): void {
    const first = changes[0]!
    const last = changes.at(-1)!
    const before = Math.min(contextLines, first.oldStart)
    const oldStart = first.oldStart - before
    const newStart = first.newStart - before
    const lastEnd = last.oldStart + last.oldCount
    const after = Math.min(contextLines, this.#old.count - lastEnd)
    const oldCount = lastEnd + after - oldStart
    const newCount = last.newStart + last.newCount + after - newStart
    this.text(`@@ -${formatRange(oldStart, oldCount)} +${formatRange(newStart, newCount)} @@\n`)
    let at = oldStart
    for (const change of changes) {
      this.#lines(markContext, this.#old, at, change.oldStart)
      at = change.oldStart + change.oldCount
      this.#lines(markRemoved, this.#old, change.oldStart, at)
      this.#lines(markAdded, this.#new, change.newStart, change.newStart + change.newCount)
    }
    this.#lines(markContext, this.#old, at, lastEnd + after)
  }

  #lines(mark: number, text: Lines, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const start = text.starts[i]!
      const end = text.starts[i + 1]!
      this.#reserve(end - start + 1 + noNewline.length)
      this.#bytes[this.#length++] = mark
      this.#bytes.set(text.bytes.subarray(start, end), this.#length)
      this.#length += end - start
      if (text.bytes[end - 1] !== newline) this.#raw(noNewline)
    }
  }

  text(text: string): void {
    this.#raw(Buffer.from(text))
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}
