import assert from 'node:assert/strict'
import { isTidemarkError } from '../../src/errors.ts'
import type { Head } from '../../src/sync/head.ts'
import { synchronize } from '../../src/sync/synchronize.ts'
import type { Guard } from '../../src/sync/guard.ts'
import type { Peer } from '../../src/sync/peer.ts'
import type { Replica } from '../../src/sync/replica.ts'
import { SimulatedClock } from './clock.ts'
import { SimulatedDisk } from './disk.ts'
import { Drive } from './drive.ts'
import { KnownBases } from './known-bases.ts'
import { Ledger } from './ledger.ts'
import { noGuard, SimulatedNetwork, type Cut, type End } from './network.ts'
import { brief, SimulatedReplica } from './replica.ts'
import { Scheduler } from './scheduler.ts'
import type { Work } from './user.ts'

/** A machine: its disk, its clock, and the life that it is in. */
export interface Machine {
  readonly host: string
  readonly clock: SimulatedClock
  drive: Drive
  life: End
}

export interface WorldOptions {
  readonly seed: number
  readonly count: number
  /** Which pairs of machines, by their numbers, know each other. */
  readonly links: readonly (readonly [number, number])[]
  readonly isCareless?: boolean | undefined
}

/** What a replica does with a peer. */
export type Session = (replica: Replica, peer: Peer, options: { readonly guard: Guard }) => Promise<unknown>

/** What a session may end with when something is in its way. Anything else is a failure. */
const expected = ['unavailable', 'conflict', 'busy', 'missing'] as const

/** Several machines with one folder, the network between them, and those who work with them. */
export class World {
  readonly scheduler: Scheduler
  readonly network: SimulatedNetwork
  readonly ledger: Ledger = new Ledger()
  readonly machines: Machine[]
  readonly links: readonly (readonly [Machine, Machine])[]
  readonly #isCareless: boolean | undefined
  readonly #bases = new KnownBases()
  #lives = 0

  constructor({ seed, count, links, isCareless }: WorldOptions) {
    this.scheduler = new Scheduler(seed)
    this.network = new SimulatedNetwork(this.scheduler)
    this.#isCareless = isCareless
    this.machines = Array.from({ length: count }, (_, n) => {
      const host = `r${n}`
      const clock = new SimulatedClock(this.scheduler, 0)
      const drive = new Drive(`d${n}`.repeat(16), new SimulatedDisk(clock.nowNs()))
      return { host, clock, drive, life: this.#newLife(host, drive, clock) }
    })
    this.links = links.map(([a, b]) => [this.machines[a]!, this.machines[b]!])
  }

  #newLife(host: string, drive: Drive, clock: SimulatedClock): End {
    const actor = this.scheduler.actor(`${host}-${++this.#lives}`)
    const { scheduler } = this
    const replica = new SimulatedReplica({
      scheduler,
      actor,
      drive,
      clock,
      isCareless: this.#isCareless,
      onHead: (head) => this.#bases.add(head),
      onBases: (one, other, found) => this.#bases.found(host, one, other, found),
      // What it could take in stands in its snapshots as if its user had made it.
      onDenied: () => this.ledger.forgot(),
      onAdvance: (to) => {
        if (!this.#bases.isBlind(host, to)) return
        scheduler.note(`  ${host} merges without all that came before both`)
        this.ledger.forgot()
      },
    })
    return { actor, replica }
  }

  /** A machine stops dead and starts again: what it had not on its disk is gone. */
  crash(machine: Machine): void {
    this.scheduler.kill(machine.life.actor)
    machine.life = this.#newLife(machine.host, machine.drive, machine.clock)
    this.network.check()
  }

  /** It starts again with another disk. */
  replace(machine: Machine, drive: Drive): void {
    machine.drive = drive
    this.crash(machine)
  }

  work(machine: Machine): Work {
    const { scheduler, ledger } = this
    const { host, clock } = machine
    const isTakingIn = (): boolean => machine.drive.pending !== undefined
    const refuses = (path: string): boolean => machine.drive.refuses(path)
    return { scheduler, ledger, host, disk: machine.drive.disk, clock, refuses, isTakingIn }
  }

  /** A user does something. */
  edit(machine: Machine, what: (disk: SimulatedDisk, now: bigint) => void): void {
    const { disk, pending } = machine.drive
    const before = disk.sights()
    what(disk, machine.clock.nowNs())
    this.ledger.acted(machine.host, before, disk.sights(), pending !== undefined)
    this.scheduler.now += 1000
  }

  /** A user writes a file: a text without spaces. */
  write(machine: Machine, path: string, text: string): void {
    this.ledger.wrote(text)
    this.edit(machine, (disk, now) => {
      if (!disk.write(path, text, now)) disk.place(path, disk.newFile(text, 0o644, now), now)
    })
  }

  makeDirectory(machine: Machine, path: string): void {
    this.edit(machine, (disk, now) => assert.ok(disk.makeDirectory(path, 0o755, now)))
  }

  remove(machine: Machine, path: string): void {
    this.edit(machine, (disk, now) => assert.ok(disk.remove(path, now)))
  }

  /** A user renames something. */
  rename(machine: Machine, from: string, to: string): void {
    const { disk } = machine.drive
    const below = disk.paths(from).map((path) => path.slice(from.length))
    this.ledger.moved(['', ...below].map((rest) => [from + rest, to + rest]))
    this.edit(machine, (disk, now) => assert.ok(disk.rename(from, to, now)))
  }

  /** One session over a connection of its own. False when it did not come to its end. */
  async session(from: Machine, to: Machine, how: Session = synchronize, cut?: Cut): Promise<boolean> {
    const { life } = from
    const connection = this.network.connect(life, to.life, cut)
    const run = async (): Promise<boolean> => {
      try {
        await how(life.replica, connection.peer, { guard: noGuard })
        return true
      } catch (error) {
        if (!isTidemarkError(error, ...expected)) throw error
        this.scheduler.note(`  ${from.host} - ${to.host}: ${error.message}`)
        return false
      } finally {
        connection.end()
      }
    }
    return Promise.race([run(), life.actor.died.then(() => false)])
  }

  /** Lets all that has been started come to its end. */
  async run(maxSteps = 200_000): Promise<void> {
    await this.scheduler.run(maxSteps)
  }

  /** Runs `task` as something that nobody interrupts, beside all else that goes on. */
  async perform(task: () => Promise<void>): Promise<void> {
    this.scheduler.start(this.scheduler.actor('director'), task)
    await this.run()
  }

  /**
   * Sessions over all links, nothing in their way, until all have the same newest snapshot. Fails when that takes
   * more than so many rounds, or when anything changes after it.
   */
  async heal(maxRounds: number = 4 + 2 * this.machines.length): Promise<void> {
    this.network.cutShare = 0
    this.network.partitioned.clear()
    for (const { drive } of this.machines) drive.denied = drive.refused = undefined
    await this.perform(async () => {
      for (let round = 1; ; round++) {
        this.scheduler.note(`healing: round ${round}`)
        const heads = await this.#round()
        if (new Set(heads.map(({ id }) => id)).size === 1) break
        assert.ok(round < maxRounds, `still different after ${round} rounds: ${heads.map(brief).join(', ')}`)
      }
      const before = this.machines.map(({ drive }) => drive.newest!.id)
      const after = (await this.#round()).map(({ id }) => id)
      assert.deepEqual(after, before, 'went on though all were in step')
    })
    const [first, ...others] = this.machines.map(({ drive }) => drive.disk.sights())
    for (const other of others) assert.deepEqual(other, first)
  }

  /** Whoever has put something where what is not here is to be, moves it away, as he is told to. */
  #clearTheWay(machine: Machine): void {
    const { disk, absent } = machine.drive
    for (const [path, entry] of absent) {
      const here = disk.at(path)
      if (here === undefined || (here.kind === entry.kind && here.mtimeNs === entry.mtimeNs)) continue
      if (here.kind !== 'directory' || entry.kind !== 'directory')
        this.rename(machine, path, `${path} moved by ${machine.host}`)
    }
  }

  async #round(): Promise<readonly Head[]> {
    for (const machine of this.machines) this.#clearTheWay(machine)
    const links = this.links.map((link) => ({ link, order: this.scheduler.random() }))
    for (const { link, order } of links.toSorted((a, b) => a.order - b.order)) {
      const [a, b] = order < 0.5 ? link : ([link[1], link[0]] as const)
      await this.session(a, b)
    }
    const heads: Head[] = []
    for (const { life } of this.machines) heads.push(await life.replica.capture())
    return heads
  }

  /** Everything that all of this promises. */
  check(): void {
    const wrong = this.ledger.check(this.machines[0]!.drive.disk.sights())
    assert.deepEqual(wrong, [])
  }
}
