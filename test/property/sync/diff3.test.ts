import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { diff3 } from '../../../src/sync/merge/diff3.ts'
import { fuzz } from '../../suites/arbitraries.ts'

const runs = { numRuns: 500 * fuzz }

/** Few different lines, so that the same line stands in many places; the last may have no end. */
const text = fc
  .tuple(
    fc.array(fc.constantFrom('a\n', 'b\n', 'c\r\n', '\n', '__proto__\n'), { maxLength: 12 }),
    fc.constantFrom('', 'end'),
  )
  .map(([lines, end]) => lines.join('') + end)

function added(side: string): fc.Arbitrary<string> {
  const line = fc.constantFrom('a\n', 'b\n', `${side}1\n`, `${side}2\n`)
  return fc.array(line, { maxLength: 10 }).map((lines) => lines.join(''))
}

suite('diff3', () => {
  test('is the same whichever is called left, and takes over what one side alone has changed', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, text, async (base, left, right) => {
        assert.equal(await diff3(base, left, right), await diff3(base, right, left))
        assert.equal(await diff3(base, base, right), right)
        assert.equal(await diff3(base, left, left), left)
      }),
      runs,
    )
  })

  test('keeps every line that a side has added', async () => {
    await fc.assert(
      fc.asyncProperty(text, added('left '), added('right '), async (base, left, right) => {
        const merged = await diff3(base, left, right)
        if (merged === undefined) return
        for (const line of [...left.split('\n'), ...right.split('\n')])
          if (/\d/.test(line)) assert.ok(merged.includes(line), `${line} is lost`)
      }),
      runs,
    )
  })

  test('puts together changes with an unchanged line between them', async () => {
    const touched = fc.array(fc.constantFrom('left', 'right', 'both', undefined), {
      minLength: 1,
      maxLength: 30,
    })
    await fc.assert(
      fc.asyncProperty(touched, async (marks) => {
        const write = (side: string): string =>
          marks.map((mark, n) => `line ${n}${mark === side || mark === 'both' ? ' changed' : ''}\n`).join('')
        const isApart = marks.every(
          (mark, n) => mark === undefined || marks[n + 1] === undefined || n + 1 === marks.length,
        )
        const merged = await diff3(marks.map((_, n) => `line ${n}\n`).join(''), write('left'), write('right'))
        const expected = marks.map((mark, n) => `line ${n}${mark === undefined ? '' : ' changed'}\n`).join('')
        if (isApart || merged !== undefined) assert.equal(merged, expected)
      }),
      runs,
    )
  })

  test('lines next to each other clash, and so do two ends of one file', async () => {
    assert.equal(await diff3('a\nb\n', 'A\nb\n', 'a\nB\n'), undefined)
    assert.equal(await diff3('a\n', 'a\nleft\n', 'a\nright\n'), undefined)
    assert.equal(await diff3('a\n', 'a\nsame\n', 'a\nsame\n'), 'a\nsame\n')
    assert.equal(await diff3('a\nb\nc\n', 'a\nc\n', 'a\nb\nc\nd\n'), 'a\nc\nd\n')
  })

  test('comes to an end on long texts of equal lines, and gives up on texts that have nothing in common', async () => {
    const lines = '\n'.repeat(300_000)
    const merged = await diff3(`a\n${lines}b\n`, `A\n${lines}b\n`, `a\n${lines}B\n`)
    assert.equal(merged, `A\n${lines}B\n`)
    const other = Array.from({ length: 100_000 }, (_, n) => `${n}\n`).join('')
    assert.equal(await diff3(lines, other, `${lines}x\n`), undefined)
  })
})
