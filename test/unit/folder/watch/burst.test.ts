import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Burst } from '../../../../src/folder/watch/burst.ts'

/** Tells of so many changes in each turn, and returns how many times a loss was noticed. */
function lossesIn(...turns: number[]): number {
  let losses = 0
  let end: () => void = Date.now
  const burst = new Burst(
    100,
    () => losses++,
    (call) => (end = call),
  )
  for (const changes of turns) {
    for (let n = 0; n < changes; n++) burst.count()
    end()
  }
  return losses
}

test('few changes at a time are all there were, however often they come', () => {
  assert.equal(lossesIn(49, 49, 49, 1), 0)
})

test('as many at once as a queue holds may not be all there were', () => {
  assert.equal(lossesIn(50), 1)
  assert.equal(lossesIn(10, 100, 10, 60), 2)
})
