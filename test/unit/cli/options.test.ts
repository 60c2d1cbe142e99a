import assert from 'node:assert/strict'
import { test } from 'node:test'
import { count, parseDuration, texts } from '../../../src/cli/options.ts'
import { isTidemarkError } from '../../../src/errors.ts'

test('spans of time', () => {
  assert.equal(parseDuration('90s'), 90_000)
  assert.equal(parseDuration('1d12h'), 36 * 3_600_000)
  assert.equal(parseDuration('250ms'), 250)
  assert.equal(parseDuration('1y6mo'), (365 + 180) * 86_400_000)
  for (const text of ['', '5', 'd', '5 parsecs', '-3d', '3d!', 'x3d']) {
    assert.throws(
      () => parseDuration(text),
      (error) => isTidemarkError(error, 'usage'),
      text,
    )
  }
})

test('counts are whole and not too small', () => {
  const option = count('--keep-last <n>', '', 1)
  assert.equal(option.parse?.('12', undefined), 12)
  for (const text of ['0', '-1', '1.5', '1e3', '', '99999999999999999999']) {
    assert.throws(
      () => option.parse?.(text, undefined),
      (error) => isTidemarkError(error, 'usage'),
      text,
    )
  }
})

test('a repeated option keeps all its values', () => {
  const option = texts('--tag <tag>', '')
  assert.deepEqual(option.parse?.('b', option.parse('a', [])), ['a', 'b'])
})
