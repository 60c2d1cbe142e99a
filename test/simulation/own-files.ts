import assert from 'node:assert/strict'
import { pull } from '../../src/sync/pull.ts'
import { synchronize } from '../../src/sync/synchronize.ts'
import { copyMark } from '../../src/sync/merge/conflict-name.ts'
import { directoryOf } from '../../src/tree/path.ts'
import { Failure, shapes } from './storm.ts'
import { put, type Work } from './user.ts'
import { World } from './world.ts'

/** How many files each user has. */
const filesEach = 4

/**
 * Users who all work, without a pause, and each on files of their own, in directories that are everybody's; sessions
 * are cut and machines crash. Nobody is ever at odds with anybody: there must be no conflict copy at all, whatever
 * became of the rounds between, and every file is what its user last made of it.
 */
export async function ownFiles(seed: number): Promise<World> {
  const draw = new World({ seed, count: 1, links: [] }).scheduler
  const count = draw.pick([2, 3, 3, 3, 4, 5])
  const world = new World({ seed: seed + 0x0f11e5, count, links: draw.pick(shapes)(count) })
  try {
    await work(world, {
      edits: draw.pick([10, 40]),
      pause: draw.pick([50, 400, 2000]),
      crashes: draw.pick([0, 0, 3, 10]),
      cutShare: draw.pick([0, 0, 0.01, 0.05]),
    })
    await world.heal()
    const last = world.machines[0]!.drive.disk
    assert.deepEqual(last.paths().filter(isCopy), [], 'conflict copies without a conflict')
    world.check()
  } catch (error) {
    throw new Failure(seed, world, error)
  }
  return world
}

function isCopy(path: string): boolean {
  return path.includes(copyMark)
}

interface Course {
  /** Of each user, and about how many milliseconds lie between two. */
  readonly edits: number
  readonly pause: number
  readonly crashes: number
  readonly cutShare: number
}

async function work(world: World, { edits, pause, crashes, cutShare }: Course): Promise<void> {
  const { scheduler, network, machines } = world
  for (const name of directories.slice(1)) world.makeDirectory(machines[0]!, name)
  await world.heal()
  network.cutShare = cutShare
  const users = new Set(machines)
  for (const machine of machines) {
    const user = scheduler.actor(`user of ${machine.host}`)
    scheduler.start(user, async () => {
      for (let n = 0; n < edits; n++) {
        await scheduler.step(user, 'works', scheduler.below(pause))
        actOnOwn(world.work(machine))
      }
      users.delete(machine)
    })
  }
  for (const [a, b] of world.links) {
    const daemon = scheduler.actor(`${a.host} and ${b.host}`)
    scheduler.start(daemon, async () => {
      while (users.size > 0) {
        await scheduler.step(daemon, 'meet', scheduler.below(pause * 2))
        const [from, to] = scheduler.chance(0.5) ? [a, b] : [b, a]
        await world.session(from, to, scheduler.chance(0.8) ? synchronize : pull)
      }
    })
  }
  const fate = scheduler.actor('fate')
  scheduler.start(fate, async () => {
    for (let n = 0; n < crashes && users.size > 0; n++) {
      await scheduler.step(fate, 'strikes', scheduler.below((pause * edits) / 4))
      world.crash(scheduler.pick(machines))
    }
  })
  await world.run(2_000_000)
}

const directories = ['', 'd', 'd/e']

function actOnOwn(work: Work): void {
  const { scheduler, disk, ledger, host, clock } = work
  const name = `${host}-${scheduler.below(filesEach)}`
  const path = joined(scheduler.pick(directories), name)
  const before = disk.sights()
  const here = disk.paths().filter((one) => one.endsWith(`/${name}`) || one === name)
  const way = scheduler.random()
  let story: string
  if (here.length > 0 && way < 0.15) {
    disk.remove(here[0]!, clock.nowNs())
    story = `remove ${here[0]}`
  } else if (
    here.length > 0 &&
    way < 0.3 &&
    disk.at(path) === undefined &&
    disk.directory(directoryOf(path))
  ) {
    ledger.moved([[here[0]!, path]])
    disk.rename(here[0]!, path, clock.nowNs())
    story = `rename ${here[0]} to ${path}`
  } else {
    const text = ledger.newText(host)
    put(work, here[0] ?? path, text)
    // Who unpacks an archive writes what looks old: of two versions the later need not be the newer.
    if (scheduler.chance(0.3))
      disk.setTime(here[0] ?? path, clock.nowNs() - BigInt(scheduler.below(1e9)) * 1000n)
    story = `write ${here[0] ?? path} (${text})`
  }
  scheduler.note(`  ${host}: user: ${story}`)
  ledger.acted(host, before, disk.sights(), false)
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}
