import { pull } from '../../src/sync/pull.ts'
import { synchronize } from '../../src/sync/synchronize.ts'
import { textRulesFile } from '../../src/sync/merge/merge-texts.ts'
import { act, names } from './user.ts'
import { World, type Machine } from './world.ts'

type Links = readonly (readonly [number, number])[]

/** In which ways so many machines can be linked. */
export const shapes: readonly ((count: number) => Links)[] = [
  // A star, a chain, a ring, and everyone with everyone.
  (count) => numbers(count - 1).map((n) => [0, n + 1]),
  (count) => numbers(count - 1).map((n) => [n, n + 1]),
  (count) => numbers(count).map((n) => [n, (n + 1) % count]),
  (count) => numbers(count).flatMap((a) => numbers(a).map((b) => [a, b] as const)),
]

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

/**
 * Users who work, sessions that come and go, machines that crash, connections that are cut, clocks that jump: all
 * drawn from the seed, how many of each as well. Then everything calms down, and must become one.
 */
export async function storm(seed: number): Promise<World> {
  const draw = new World({ seed, count: 1, links: [] }).scheduler
  const count = draw.pick([2, 2, 2, 3, 3, 4, 5])
  const links = draw.pick(shapes)(count)
  const world = new World({ seed: seed + 0x5eed, count, links })
  try {
    // Texts that are merged by line.
    if (draw.chance(0.5)) world.write(world.machines[0]!, textRulesFile, draw.pick(['*.txt', '*']))
    await rage(world, {
      edits: draw.below(draw.pick([8, 30])) + 1,
      pause: draw.pick([50, 400, 3000]),
      troubles: draw.pick([0, 3, 10]),
      cutShare: draw.pick([0, 0.01, 0.1]),
      skew: draw.pick([0, 5000, 3e11]),
    })
    await world.heal()
    world.check()
  } catch (error) {
    throw new Failure(seed, world, error)
  }
  return world
}

/** What went wrong, in which world. */
export class Failure extends Error {
  readonly world: World

  constructor(seed: number, world: World, cause: unknown) {
    super(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.world = world
  }
}

interface Weather {
  /** Of each user, and about how many milliseconds lie between two. */
  readonly edits: number
  readonly pause: number
  readonly troubles: number
  readonly cutShare: number
  readonly skew: number
}

async function rage(world: World, { edits, pause, troubles, cutShare, skew }: Weather): Promise<void> {
  const { scheduler, network, machines } = world
  network.cutShare = cutShare
  const users = new Set(machines)
  for (const machine of machines) machine.clock.skew = Math.floor((scheduler.random() * 2 - 1) * skew)
  for (const machine of machines) {
    const user = scheduler.actor(`user of ${machine.host}`)
    // Some have had their files for long before they meet the others.
    for (let n = scheduler.pick([0, 0, 6]); n > 0; n--) act(world.work(machine))
    scheduler.start(user, async () => {
      for (let n = 0; n < edits; n++) {
        await scheduler.step(user, 'works', scheduler.below(pause))
        act(world.work(machine))
      }
      users.delete(machine)
    })
  }
  for (const [a, b] of world.links) {
    const daemon = scheduler.actor(`${a.host} and ${b.host}`)
    scheduler.start(daemon, async () => {
      while (users.size > 0) {
        await scheduler.step(daemon, 'meet', scheduler.below(pause * 4))
        await meet(world, scheduler.chance(0.5) ? [a, b] : [b, a])
      }
    })
  }
  const fate = scheduler.actor('fate')
  scheduler.start(fate, async () => {
    for (let n = 0; n < troubles && users.size > 0; n++) {
      await scheduler.step(fate, 'strikes', scheduler.below((pause * edits) / 2))
      strike(world, skew)
    }
  })
  await world.run()
}

async function meet(world: World, [from, to]: readonly [Machine, Machine]): Promise<void> {
  const { scheduler } = world
  const how = scheduler.random()
  if (how < 0.7) await world.session(from, to, synchronize)
  else if (how < 0.9) await world.session(from, to, pull)
  else {
    // One that is not up to date any more, or that the other has had long since.
    const { snapshots, timelines } = from.drive
    const old = [...snapshots.values()].filter(({ id }) => !timelines.has(id))
    if (old.length > 0) await world.session(from, to, (_, peer) => peer.offer(scheduler.pick(old)))
  }
}

function strike(world: World, skew: number): void {
  const { scheduler, network } = world
  const machine = scheduler.pick(world.machines)
  const kind = scheduler.below(14)
  if (kind < 5) world.crash(machine)
  else if (kind < 6) machine.clock.skew = Math.floor((scheduler.random() * 2 - 1) * skew)
  else if (kind < 7 && scheduler.chance(0.2)) {
    machine.drive.forget()
    world.ledger.forgot()
  } else if (kind === 10) machine.drive.denied = scheduler.chance(0.7) ? scheduler.pick(names) : undefined
  else if (kind > 10) machine.drive.refused = scheduler.chance(0.8) ? scheduler.pick(names) : undefined
  else if (network.partitioned.size > 0 && scheduler.chance(0.6)) network.partitioned.clear()
  else if (world.links.length > 0) {
    const [a, b] = scheduler.pick(world.links)
    network.partitioned.add([a.host, b.host].toSorted().join(' '))
    network.check()
  }
}
