import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { storm } from '../../simulation/storm.ts'

suite('folders in step, simulated', () => {
  test('a seed tells all that happens', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const [one, other] = [await storm({ seed }), await storm({ seed })]
      assert.ok(one.scheduler.trace.length > 10)
      assert.equal(one.scheduler.fingerprint(), other.scheduler.fingerprint())
    }
  })
})
