import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareInKernel } from '../../../src/stream/compare-kernel.ts'
import { comparePlainly, type Comparison } from '../../../src/stream/compare-lines.ts'
import { stripContext } from '../../../src/stream/diff-changes.ts'
import { LinesKernel } from '../../../src/stream/lines-kernel.ts'
import { linesWasm } from '../../../src/stream/lines-wasm-bytes.ts'
import { openReplay } from '../../../src/stream/replay-kernel.ts'
import { type ApplyOptions, Replay, type TextReplay } from '../../../src/stream/replay.ts'
import { unifiedDiff } from '../../../src/stream/unified-diff.ts'
import { longTexts, runs, textPairs, texts } from './texts.ts'

test('the committed kernel is what the module carries and what its hash file says', () => {
  const file = readFileSync(new URL('../../../wasm/lines.wasm', import.meta.url))
  const stated = readFileSync(new URL('../../../wasm/lines.wasm.sha256', import.meta.url), 'utf8')
  assert.equal(stated, `${createHash('sha256').update(file).digest('hex')}  lines.wasm\n`)
  assert.equal(linesWasm, file.toString('base64'))
})

function assertSame(ours: Comparison | undefined, plain: Comparison): void {
  assert.ok(ours !== undefined)
  assert.deepEqual(ours.changes, plain.changes)
  for (const side of ['oldLines', 'newLines'] as const) {
    assert.equal(ours[side].count, plain[side].count)
    assert.deepEqual(ours[side].starts, plain[side].starts.slice(0, plain[side].count + 1))
  }
}

test('the kernel finds the changes that its plain twin finds', () => {
  fc.assert(
    fc.property(textPairs, ([oldText, newText]) => {
      assertSame(compareInKernel(oldText, newText), comparePlainly(oldText, newText))
    }),
    runs(1000),
  )
  for (let seed = 1; seed <= runs(150).numRuns; seed++) {
    const [oldText, newText] = longTexts(seed)
    assertSame(compareInKernel(oldText, newText), comparePlainly(oldText, newText))
  }
})

/** Lines of so many lengths that every path through the searches for line ends is taken. */
const history = fc.array(texts, { minLength: 1, maxLength: 12 })

test('the kernel replays diffs with and without context, and back', () => {
  fc.assert(
    fc.property(history, fc.boolean(), (contents, bare) => {
      const diffs = contents.map((content, i) => {
        const diff = unifiedDiff(contents[i - 1] ?? Buffer.alloc(0), content)
        return bare ? stripContext(diff, 'diff') : diff
      })
      const pool = Buffer.concat(diffs)
      const kernel = LinesKernel.take()!
      const lines = 2 + pool.filter((byte) => byte === 10).length
      assert.ok(kernel.reserve(8 + pool.length * 3 + 32 * lines))
      kernel.bytes.set(pool, 8)
      const first = (8 + pool.length + 7) & ~7
      const textAt = first + 16 * lines
      kernel.exports.begin(8, 8, first, first + 8 * lines, lines)
      const assertText = (content: Buffer): void => {
        kernel.exports.writeText(textAt)
        const text = kernel.bytes.subarray(textAt, textAt + kernel.exports.textLength())
        assert.ok(content.equals(text))
      }
      let at = 8
      for (const [i, diff] of diffs.entries()) {
        assert.equal(kernel.exports.apply(at, at + diff.length, bare ? 0 : 1, 0), 1)
        at += diff.length
        assertText(contents[i]!)
      }
      for (const [i, diff] of [...diffs.entries()].toReversed()) {
        assertText(contents[i]!)
        assert.equal(kernel.exports.apply(at - diff.length, at, bare ? 0 : 1, 1), 1)
        at -= diff.length
      }
      assertText(Buffer.alloc(0))
      LinesKernel.release(kernel)
    }),
    runs(500),
  )
})

function outcome(
  open: (pool: Uint8Array, start: number, end: number) => TextReplay,
): (...of: [text: Buffer, diffs: Buffer[], options: ApplyOptions]) => string {
  return (text, diffs, options) => {
    const replay = open(Buffer.concat([text, ...diffs]), 0, text.length)
    let start = text.length
    try {
      for (const diff of diffs) replay.apply(start, (start += diff.length), 'diff', options)
      return replay.bytes().toString('latin1')
    } catch (error) {
      return String(error)
    } finally {
      replay.release()
    }
  }
}

test('diffs that do not fit are refused for the same reason by the kernel and by its twin', () => {
  const byKernel = outcome(openReplay)
  const plainly = outcome((pool, start, end) => new Replay(pool, start, end))
  const damage = fc.record({ at: fc.nat(), byte: fc.constantFrom(10, 32, 43, 45, 48, 49, 64, 92, 255) })
  fc.assert(
    fc.property(
      textPairs,
      texts,
      fc.array(damage, { maxLength: 3 }),
      fc.record({ strict: fc.boolean(), reverse: fc.boolean() }),
      ([oldText, newText], other, harm, options) => {
        const diffs = [unifiedDiff(oldText, newText), unifiedDiff(newText, other)].map((diff) =>
          Buffer.from(diff),
        )
        if (options.reverse) diffs.reverse()
        for (const { at, byte } of harm) {
          const diff = diffs[at % 2]!
          if (diff.length > 0) diff[at % diff.length] = byte
        }
        const text = options.reverse ? other : oldText
        assert.equal(byKernel(text, diffs, options), plainly(text, diffs, options))
      },
    ),
    runs(2000),
  )
})
