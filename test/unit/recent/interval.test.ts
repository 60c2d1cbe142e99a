import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { intervalSeconds, sortIntervals } from '../../../src/recent/index.ts'

test('intervals: all results of the Perl program', () => {
  const text = readFileSync(join(import.meta.dirname, '../../golden/recent/52-interval-secs.txt'), 'utf8')
  const vectors = Array.from(text.matchAll(/^(\S+) +(ERR|[0-9]+)/gm))
  assert.equal(vectors.length, 16)
  for (const [, interval, seconds] of vectors) {
    if (seconds === 'ERR')
      assert.throws(
        () => intervalSeconds(interval!),
        (error) => isTidemarkError(error, 'usage'),
      )
    else assert.equal(intervalSeconds(interval!), BigInt(seconds!))
  }
})

test('sortIntervals: by length, each length once', () => {
  assert.deepEqual(sortIntervals(['Z', '1d', '1h', '24h', '1h', '90m']), ['1h', '90m', '1d', 'Z'])
})
