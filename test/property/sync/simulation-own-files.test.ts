import { suite, test } from 'node:test'
import { ownFiles } from '../../simulation/own-files.ts'
import { Failure } from '../../simulation/storm.ts'

const given = process.env['TIDEMARK_SEED']
const runs = Math.ceil(15 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))

/** A seed that was given is told step by step. */
async function tell(seed: number): Promise<void> {
  try {
    await ownFiles(seed)
  } catch (error) {
    if (error instanceof Failure && given !== undefined)
      process.stderr.write(`${error.world.scheduler.trace.join('\n')}\n`)
    throw error
  }
}

suite('files of which each has one writer', () => {
  test('are never in conflict, whatever becomes of the sessions between', async () => {
    if (given !== undefined) return tell(Number(given))
    for (let seed = 1; seed <= runs; seed++) await tell(seed)
  })

  test('what failed once: what came before a merge was held by nobody who merged it', async () => {
    for (const seed of [111, 246]) await tell(seed)
  })
})
