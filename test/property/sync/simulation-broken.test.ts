import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { synchronize } from '../../../src/sync/synchronize.ts'
import { drawn, meetOnce, prepared, scenarios, type Scenario } from '../../simulation/scenario.ts'
import type { World } from '../../simulation/world.ts'

const seeds = Math.ceil(3 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
const first = Number(process.env['TIDEMARK_SEED'] ?? 1)

/** Every scenario, and some that a seed draws. */
function* all(): Generator<readonly [string, number, Scenario]> {
  for (const [name, scenario] of Object.entries(scenarios)) yield [name, 1, scenario]
  for (let seed = first; seed < first + seeds; seed++) yield [`seed ${seed}`, seed, drawn]
}

/** Runs `interrupt` for 0, 1, 2… until it says that there was nothing left to be interrupted; then all must be well. */
async function everywhere(interrupt: (world: World, at: number) => Promise<boolean>): Promise<void> {
  for (const [name, seed, scenario] of all()) {
    for (let at = 0, more = true; more; at++) {
      const world = await prepared(seed, scenario)
      try {
        more = await interrupt(world, at)
        await world.heal()
        world.check()
      } catch (error) {
        if (process.env['TIDEMARK_SEED'] !== undefined)
          process.stderr.write(`${world.scheduler.trace.join('\n')}\n`)
        throw new Error(`${name}, interrupted at ${at}: ${String(error)}`, { cause: error })
      }
    }
  }
}

suite('a session that does not come to its end', () => {
  test('not interrupted at all', async () => {
    for (const [name, seed, scenario] of all()) {
      const world = await prepared(seed, scenario)
      await meetOnce(world)
      const [a, b] = world.machines
      assert.equal(a!.drive.newest!.id, b!.drive.newest!.id, name)
      await world.heal()
      world.check()
    }
  })

  test('is cut at any of its messages', async () => {
    await everywhere(async (world, at) => {
      const [one, other] = world.machines
      let more = false
      await world.perform(async () => {
        await world.session(one!, other!, synchronize, (message) => {
          more ||= message === at
          return message === at
        })
      })
      return more
    })
  })

  for (const which of [0, 1]) {
    test(`ends with a crash ${which === 0 ? 'here' : 'there'}, after any operation on the disk`, async () => {
      await everywhere((world, at) => crashAt(world, which, at))
    })
  }

  test('is found out when it moves files without care', async () => {
    const found: string[] = []
    for (const [name, scenario] of Object.entries(scenarios)) {
      for (let at = 0, more = true; more; at++) {
        const world = await prepared(1, scenario, { isCareless: true })
        more = await crashAt(world, 0, at)
        try {
          await world.heal()
          world.check()
        } catch {
          found.push(name)
        }
      }
    }
    assert.ok(new Set(found).size >= 2, `only: ${found.join(', ')}`)
  })
})

/** False when it came to its end before. */
async function crashAt(world: World, which: number, at: number): Promise<boolean> {
  const machine = world.machines[which]!
  let count = 0
  world.scheduler.onStep = (actor) => {
    if (actor === machine.life.actor && count++ === at) world.crash(machine)
  }
  await meetOnce(world)
  world.scheduler.onStep = undefined
  return count > at
}
