import { synchronize } from '../../src/sync/synchronize.ts'
import { act } from './user.ts'
import { World, type Machine, type WorldOptions } from './world.ts'

/** Two machines that were in step, and have both gone on by themselves. */
export type Scenario = (world: World, one: Machine, other: Machine) => Promise<void>

/** A world of two, brought to where a session would begin. */
export async function prepared(
  seed: number,
  scenario: Scenario,
  options: Pick<WorldOptions, 'isCareless'> = {},
): Promise<World> {
  const world = new World({ seed, count: 2, links: [[0, 1]], ...options })
  const [one, other] = world.machines as [Machine, Machine]
  await scenario(world, one, other)
  return world
}

export async function meetOnce(world: World): Promise<void> {
  const [one, other] = world.machines as [Machine, Machine]
  await world.perform(async () => {
    await world.session(one, other, synchronize)
  })
}

/** Things that users do, drawn from the seed of the world. */
export const drawn: Scenario = async (world, one, other) => {
  for (let n = 0; n < 10; n++) act(world.work(one))
  await meetOnce(world)
  for (const machine of [one, other])
    for (let n = world.scheduler.below(6); n >= 0; n--) act(world.work(machine))
}

/** By name: what has broken others, and what is easily got wrong. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'both edit a file without extension': async (world, one, other) => {
    world.write(one, 'name', 'old')
    await meetOnce(world)
    world.write(one, 'name', 'one')
    world.write(other, 'name', 'other')
  },
  'one renames what the other edits': async (world, one, other) => {
    world.write(one, 'a', 'old')
    await meetOnce(world)
    world.write(one, 'a', 'new')
    world.rename(other, 'a', 'b')
  },
  'one renames a directory in which the other edits and creates': async (world, one, other) => {
    world.makeDirectory(one, 'd')
    world.write(one, 'd/a', 'old-a')
    world.write(one, 'd/b', 'old-b')
    await meetOnce(world)
    world.write(one, 'd/a', 'new-a')
    world.write(one, 'd/c', 'new-c')
    world.rename(other, 'd', 'e')
  },
  'one swaps two files of which the other edits one': async (world, one, other) => {
    world.write(one, 'a', 'old-a')
    world.write(one, 'b', 'old-b')
    await meetOnce(world)
    world.write(one, 'a', 'new-a')
    world.rename(other, 'a', 'x')
    world.rename(other, 'b', 'a')
    world.rename(other, 'x', 'b')
  },
  'a file against a directory': async (world, one, other) => {
    world.write(one, 'a', 'old')
    await meetOnce(world)
    world.write(one, 'a', 'new')
    world.remove(other, 'a')
    world.makeDirectory(other, 'a')
    world.write(other, 'a/b', 'below')
  },
  'one deletes a directory in which the other creates': async (world, one, other) => {
    world.makeDirectory(one, 'd')
    world.write(one, 'd/a', 'old')
    await meetOnce(world)
    world.remove(one, 'd')
    world.write(other, 'd/b', 'new')
  },
  'both rename a directory': async (world, one, other) => {
    world.makeDirectory(one, 'd')
    world.write(one, 'd/a', 'text')
    await meetOnce(world)
    world.rename(one, 'd', 'e')
    world.rename(other, 'd', 'f')
  },
  'they move two directories into one another': async (world, one, other) => {
    world.makeDirectory(one, 'd')
    world.makeDirectory(one, 'e')
    world.write(one, 'd/a', 'in-d')
    world.write(one, 'e/b', 'in-e')
    await meetOnce(world)
    world.rename(one, 'd', 'e/d')
    world.rename(other, 'e', 'd/e')
  },
  'both create the same': async (world, one, other) => {
    world.write(one, 'a', 'old')
    await meetOnce(world)
    world.write(one, 'b', 'same')
    world.write(other, 'b', 'same')
  },
}
