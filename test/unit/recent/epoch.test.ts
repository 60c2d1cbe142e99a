import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { compareEpochs, epochOfMicroseconds, increaseEpoch, isEpoch } from '../../../src/recent/index.ts'
import { subtractSeconds } from '../../../src/recent/subtract-seconds.ts'

const golden = join(import.meta.dirname, '../../golden/recent')

test('increaseEpoch: all results of the Perl program', () => {
  const text = readFileSync(join(golden, '50-fakebigfloat-vectors.txt'), 'utf8')
  const vectors = Array.from(text.matchAll(/^(\S+)(?: , (\S+))? +=> (\S+)$/gm))
  assert.equal(vectors.length, 11)
  for (const [, epoch, below, expected] of vectors) {
    // It pads with zeros what it compares with a longer number.
    assert.equal(increaseEpoch(epoch!, below), expected!.replace(/^0(?=[0-9])/, ''))
  }
})

test('compareEpochs: by value, whatever the zeros', () => {
  const ascending = ['-12.5', '-12.25', '-0.5', '0', '0.999', '1', '5.1', '6.02', '12.5', '999.0', '1000.25']
  for (const [i, a] of ascending.entries())
    for (const [j, b] of ascending.entries()) {
      assert.equal(Math.sign(compareEpochs(a, b)), Math.sign(i - j), `${a} ${b}`)
    }
  for (const same of ['1.0', '1', '01.00', '1.000']) assert.equal(compareEpochs(same, '1.0'), 0)
  assert.equal(compareEpochs('-0', '0.0'), 0)
  assert.equal(Math.sign(compareEpochs('0999.5', '1000.25')), -1)
  assert.equal(Math.sign(compareEpochs('1795293114.00000000000000000001', '1795293114')), 1)
})

test('isEpoch: decimal numbers of a bearable length', () => {
  for (const good of ['0', '1795293114', '1795293114.0', '0999.5', '-3600', '9'.repeat(512)])
    assert.ok(isEpoch(good), good)
  for (const bad of ['', '.', '1.', '.5', '1e5', '+1', '1.5.2', ' 1', '1\n', 'NaN', '9'.repeat(513)])
    assert.ok(!isEpoch(bad), bad)
})

test('increaseEpoch: nothing lies between an epoch and itself, or one before it', () => {
  for (const below of ['5', '5.0', '4.999'])
    assert.throws(
      () => increaseEpoch('5', below),
      (error) => isTidemarkError(error, 'usage'),
    )
})

test('epochs of microseconds, and moments before', () => {
  assert.equal(epochOfMicroseconds(1_795_293_114_250_160n), '1795293114.25016')
  assert.equal(epochOfMicroseconds(1_795_293_114_000_000n), '1795293114')
  assert.equal(epochOfMicroseconds(-1n), '-0.000001')
  assert.equal(subtractSeconds('1795293114.25', 3600n), '1795289514.25')
  assert.equal(subtractSeconds('5', 7n), '-2')
  assert.equal(subtractSeconds('0.5', 1n), '-0.5')
})
