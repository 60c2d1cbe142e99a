import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Done } from '../../../src/recent/index.ts'

const events = ['100.5', '100.4', '100.3', '100.2', '100.1', '99.9', '99.8'].map((epoch) => ({ epoch }))
const five = events.slice(0, 5)

function shown(done: Done): string {
  return done.intervals.map(({ high, low }) => `[${high},${low}]`).join(' ')
}

test('Done: all results of the Perl program', () => {
  const text = readFileSync(join(import.meta.dirname, '../../golden/recent/51-done-vectors.txt'), 'utf8')
  const runs = text.split('--\n').slice(0, 3)
  let lines = 0
  for (const [run, steps] of runs.entries()) {
    const done = new Done()
    const list = run === 0 ? five : events
    for (const [, indexes, expected, covered] of steps.matchAll(
      /^([0-9,]+) -> (.*?)  covered\(all\)=([01])$/gm,
    )) {
      for (const index of indexes!.split(',').map(Number)) done.register(list, index, index + 1)
      assert.equal(shown(done), expected!.replaceAll('099.8', '99.8'))
      // In the first run two more events follow, which are never registered.
      assert.equal(done.covered('100.5', '99.8'), covered === '1')
      lines++
    }
  }
  assert.equal(lines, 10)
})

test('Done: merging makes one of what overlaps', () => {
  const [a, b] = [new Done(), new Done()]
  a.register(events, 0, 2)
  b.register(events, 1, 4)
  a.merge(b)
  assert.equal(shown(a), '[100.5,100.2]')
  assert.ok(a.covered('100.4', '100.2'))
  assert.ok(!a.covered('100.1'))
  a.reset()
  assert.ok(!a.covered('100.4'))
})

test('Done: only neighbours join', () => {
  const done = new Done()
  done.register(events, 0, 2)
  done.register(events, 3, 5)
  assert.equal(shown(done), '[100.5,100.4] [100.2,100.1]')
  assert.ok(!done.covered('100.4', '100.2'))
  done.register(events, 2, 3)
  assert.equal(shown(done), '[100.5,100.1]')
})
