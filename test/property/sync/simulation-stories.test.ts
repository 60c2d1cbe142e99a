import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { pull } from '../../../src/sync/pull.ts'
import { synchronize } from '../../../src/sync/synchronize.ts'
import type { Drive } from '../../simulation/drive.ts'
import { World, type Machine } from '../../simulation/world.ts'

const year = 365 * 24 * 3600 * 1000

function worldOf(count: number, links: readonly (readonly [number, number])[], seed = 1): World {
  return new World({ seed, count, links })
}

async function meet(world: World, one: Machine, other: Machine): Promise<void> {
  await world.perform(async () => {
    assert.ok(await world.session(one, other, synchronize))
  })
}

function texts(machine: Machine): string[] {
  const { disk } = machine.drive
  return disk
    .paths()
    .flatMap((path) => {
      const node = disk.at(path)
      return node?.kind === 'file' ? [node.text] : []
    })
    .toSorted()
}

/** The heads that ever were on any machine. */
function allHeads(machines: readonly Machine[]): number {
  return new Set(machines.flatMap(({ drive }) => [...drive.snapshots.keys()])).size
}

suite('folders in step, told by hand', () => {
  test('both merge at the same time, again and again, and go on from there', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = worldOf(2, [[0, 1]], seed)
      const [one, other] = world.machines as [Machine, Machine]
      world.write(one, 'a', 'start')
      world.write(one, 'b', 'start-b')
      await meet(world, one, other)
      for (let n = 0; n < 6; n++) {
        world.write(one, n % 2 === 0 ? 'a' : 'b', `one-${n}`)
        world.write(other, 'a', `other-${n}`)
        for (const [from, to] of [
          [one, other],
          [other, one],
        ] as const) {
          world.scheduler.start(world.scheduler.actor('crossing'), async () => {
            await world.session(from, to, pull)
          })
        }
        await world.run()
      }
      await world.heal()
      world.check()
    }
  })

  test('six in a ring, each merging with its neighbour at the same time, come to an end', async () => {
    const count = 6
    const links = Array.from({ length: count }, (_, n) => [n, (n + 1) % count] as const)
    for (let seed = 1; seed <= 10; seed++) {
      const world = worldOf(count, links, seed)
      const { machines, scheduler } = world
      world.write(machines[0]!, 'a', 'start')
      await world.heal()
      for (const machine of machines) world.write(machine, 'a', machine.host)
      const before = allHeads(machines)
      const isOne = (): boolean => new Set(machines.map(({ drive }) => drive.newest!.id)).size === 1
      let rounds = 0
      do {
        assert.ok(++rounds <= 2 * count, 'no end of merges')
        for (const [from, to] of world.links)
          scheduler.start(scheduler.actor('ring'), async () => void (await world.session(from, to, pull)))
        await world.run()
      } while (!isOne())
      // Each own edit, and at most a merge for each machine and round.
      assert.ok(allHeads(machines) - before <= count + count * rounds)
      await world.heal()
      world.check()
    }
  })

  test('one who was away for years, and others who have forgotten what was then', async () => {
    const links = [
      [0, 1],
      [0, 2],
    ] as const
    for (const alsoThere of [false, true]) {
      const world = worldOf(3, links)
      const [here, near, away] = world.machines as [Machine, Machine, Machine]
      for (const name of ['kept', 'deleted', 'edited here', 'edited there', 'moved'])
        world.write(here, name, `first-${name.replaceAll(' ', '-')}`)
      await world.heal()
      world.write(away, 'edited there', 'second-there')
      world.write(away, 'new there', 'new-there')
      await world.perform(async () => void (await away.life.replica.capture()))
      world.scheduler.now += 5 * year
      world.remove(here, 'deleted')
      world.rename(here, 'moved', 'moved on')
      for (let n = 0; n < 5; n++) {
        world.write(here, 'edited here', `here-${n}`)
        world.write(near, 'new near', `near-${n}`)
        await meet(world, here, near)
      }
      here.drive.forget()
      near.drive.forget()
      if (alsoThere) away.drive.forget()
      await world.heal()
      const found = texts(here)
      for (const text of ['first-kept', 'here-4', 'near-4', 'second-there', 'new-there', 'first-moved'])
        assert.ok(found.includes(text), `${text} is not there`)
      if (!alsoThere) world.check()
    }
  })

  test('a name that one of them refuses: for ever, and then not', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = worldOf(3, [[0, 1], [1, 2]], seed) // prettier-ignore
      const [one, other, third] = world.machines as [Machine, Machine, Machine]
      const round = async (): Promise<void> => {
        for (const [a, b] of [[one, other], [other, third], [one, other]] as const) await meet(world, a, b) // prettier-ignore
      }
      other.drive.refused = 'x'
      world.makeDirectory(one, 'd')
      for (const path of ['a', 'b', 'x', 'd/x', 'd/y']) world.write(one, path, `first-${path}`)
      await round()
      world.write(other, 'a', 'second-a')
      world.remove(other, 'b')
      world.remove(other, 'd')
      world.write(third, 'x', 'second-x')
      await round()
      assert.deepEqual(texts(other), ['second-a'])
      assert.deepEqual(texts(one), ['first-d/x', 'second-a', 'second-x'])
      other.drive.refused = undefined
      await world.heal()
      world.check()
      assert.deepEqual(texts(other), ['first-d/x', 'second-a', 'second-x'])
    }
  })

  test('a disk that was set back to an old state, and has gone on from there', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = worldOf(3, [[0, 1], [1, 2]], seed) // prettier-ignore
      const [one, other] = world.machines as [Machine, Machine, Machine]
      world.write(one, 'a', 'a-0')
      world.write(one, 'b', 'b-0')
      await world.heal()
      const old: Drive = one.drive.copy()
      world.write(one, 'a', 'a-1')
      world.write(one, 'c', 'c-1')
      await world.heal()
      world.replace(one, old)
      world.write(one, 'b', 'b-2')
      world.write(other, 'd', 'd-2')
      await world.heal()
      for (const text of ['a-1', 'b-2', 'c-1', 'd-2'])
        assert.ok(texts(one).includes(text), `${text} is not there`)
      world.write(one, 'e', 'e-3')
      world.remove(other, 'd')
      await world.heal()
      assert.ok(texts(one).includes('e-3'))
      assert.ok(!texts(one).includes('d-2'), 'a deletion after all were in step again does not stay')
    }
  })

  test('a disk that was set back by more than it has done since', async () => {
    for (const goesOn of [true, false]) {
      for (let seed = 1; seed <= 10; seed++) {
        const world = worldOf(3, [[0, 1], [1, 2]], seed) // prettier-ignore
        const [one, other] = world.machines as [Machine, Machine, Machine]
        world.write(one, 'a', 'a-0')
        world.write(one, 'b', 'b-0')
        world.write(one, 'c', 'c-0')
        await world.heal()
        const old = one.drive.copy()
        for (let n = 1; n < 5; n++) {
          world.write(one, 'a', `a-${n}`)
          await world.heal()
        }
        world.remove(one, 'c')
        await world.heal()
        world.replace(one, old)
        if (goesOn) world.write(one, 'b', 'b-new')
        world.write(other, 'd', 'd-new')
        await world.heal()
        assert.deepEqual(texts(one), ['a-4', goesOn ? 'b-new' : 'b-0', 'd-new'])
        world.write(one, 'b', 'b-last')
        await world.heal()
        assert.deepEqual(texts(other), ['a-4', 'b-last', 'd-new'])
      }
    }
  })

  test('a disk that was set back, and has made more since than it had lost before it met anybody', async () => {
    for (const first of ['one', 'other']) {
      for (let seed = 1; seed <= 10; seed++) {
        const world = worldOf(3, [[0, 1], [1, 2]], seed) // prettier-ignore
        const [one, other, third] = world.machines as [Machine, Machine, Machine]
        world.write(one, 'a', 'a-0')
        world.write(one, 'c', 'c-0')
        await world.heal()
        const old = one.drive.copy()
        for (let n = 1; n < 3; n++) {
          world.write(one, 'a', `a-${n}`)
          world.write(one, `lost-${n}`, `lost-${n}`)
          await meet(world, one, other)
        }
        world.replace(one, old)
        for (let n = 1; n < 6; n++) {
          world.write(one, 'b', `b-${n}`)
          world.write(one, `new-${n}`, `new-${n}`)
          await world.perform(async () => void (await one.life.replica.capture()))
        }
        world.remove(one, 'c')
        world.write(third, 'd', 'd-new')
        await (first === 'one' ? meet(world, one, other) : meet(world, other, one))
        await world.heal()
        const all = ['lost-1', 'lost-2', 'a-2', 'b-5', 'd-new', ...[1, 2, 3, 4, 5].map((n) => `new-${n}`)]
        assert.deepEqual(texts(one), all.toSorted())
        world.write(one, 'b', 'b-last')
        world.remove(other, 'd')
        await world.heal()
        assert.ok(texts(third).includes('b-last') && !texts(third).includes('d-new'))
      }
    }
  })

  test('a disk that was copied into another machine', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = worldOf(3, [[0, 1], [1, 2], [0, 2]], seed) // prettier-ignore
      const [one, twin, other] = world.machines as [Machine, Machine, Machine]
      world.write(one, 'a', 'a-0')
      await world.heal()
      world.replace(twin, one.drive.copy())
      for (let n = 1; n < 5; n++) {
        world.write(one, 'one', `one-${n}`)
        world.write(twin, 'twin', `twin-${n}`)
        world.write(other, 'other', `other-${n}`)
        await world.heal()
        for (const text of [`one-${n}`, `twin-${n}`, `other-${n}`])
          assert.ok(texts(one).includes(text), `${text} is not there`)
      }
    }
  })

  test('clocks that are years wrong', async () => {
    const world = worldOf(3, [[0, 1], [1, 2]]) // prettier-ignore
    const [one, other, third] = world.machines as [Machine, Machine, Machine]
    one.clock.skew = 30 * year
    other.clock.skew = -100 * year
    for (let n = 0; n < 4; n++) {
      world.write(one, 'a', `a-${n}`)
      await world.heal()
      world.write(other, 'a', `b-${n}`)
      await world.heal()
      world.write(third, 'a', `c-${n}`)
      third.clock.skew = (n - 2) * year
      await world.heal()
      assert.deepEqual(texts(one), [`c-${n}`])
    }
    world.check()
  })
})
