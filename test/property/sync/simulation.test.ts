import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Failure, storm } from '../../simulation/storm.ts'

const given = process.env['TIDEMARK_SEED']
const fuzz = process.env['TIDEMARK_FUZZ']
const runs = Math.ceil(150 * Number(fuzz ?? 1))

/** A seed that was given is told step by step. */
async function tell(seed: number): Promise<void> {
  try {
    await storm(seed)
  } catch (error) {
    if (error instanceof Failure && given !== undefined)
      process.stderr.write(`${error.world.scheduler.trace.join('\n')}\n`)
    throw error
  }
}

suite('folders in step, simulated', () => {
  test('whatever users, disks and networks do: all become equal, nothing is lost, nothing appears', async () => {
    if (given !== undefined) return tell(Number(given))
    const first = fuzz === undefined ? 1 : 1 + Math.floor(Math.random() * 1e9)
    for (let seed = first; seed < first + runs; seed++) await tell(seed)
  })

  test('what failed once', async () => {
    for (const seed of [952]) await tell(seed)
  })

  test('a seed tells all that happens', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const [one, other] = [await storm(seed), await storm(seed)]
      assert.ok(one.scheduler.trace.length > 10)
      assert.equal(one.scheduler.fingerprint(), other.scheduler.fingerprint())
    }
  })
})
