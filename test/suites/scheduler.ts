import { setImmediate } from 'node:timers/promises'
import { ownIdentity } from '../../src/folder/system/identity.ts'
import type { Bucket, BucketEntry, CallOptions, GetOptions } from '../../src/store/bucket.ts'
import type { MemoryBucket } from '../../src/store/memory-bucket.ts'
import type { Time } from '../../src/store/time.ts'
import { seededRandom } from './random.ts'

interface Actor {
  readonly name: string
  crashed: boolean
  /** How much likelier than others it is to go next, for some while. */
  weight: number
  ended: boolean
}

/**
 * Lets several actors share a bucket, one operation at a time, in an order that a seed decides. Nothing else
 * may make them wait. An actor can stop dead at any of its operations: that one is done or not, it never
 * returns, and neither does any later one.
 */
export class Scheduler {
  readonly random: () => number
  readonly #bucket: MemoryBucket
  readonly #crashShare: number
  readonly #waiting: { actor: Actor; go: () => void }[] = []
  readonly #running: Promise<void>[] = []
  readonly #actors: Actor[] = []
  readonly #leases = new Map<string, Actor>()
  #failure: { error: unknown } | undefined
  /** Decides instead of the seed whose turn it is: given the names of those that wait, one of them. */
  pick: ((waiting: readonly string[]) => string) | undefined
  /** What happened, for whoever has to understand a failure. */
  readonly log: string[] = []

  /** In `crashShare` of all operations the actor stops dead. */
  constructor(seed: number, bucket: MemoryBucket, crashShare = 0) {
    this.random = seededRandom(seed)
    this.#bucket = bucket
    this.#crashShare = crashShare
  }

  /** Adds an actor; `act` gets the bucket and the time that it must use. */
  start(name: string, act: (bucket: Bucket, time: Time) => Promise<void>): void {
    const actor: Actor = { name, crashed: false, ended: false, weight: 1 }
    this.#actors.push(actor)
    const run = async (): Promise<void> => {
      try {
        await this.#turn(actor, 'start')
        await act(this.#bucketOf(actor), this.#timeOf(actor))
      } catch (error) {
        this.#failure ??= { error }
      }
      actor.ended = true
    }
    this.#running.push(run())
  }

  /** Resolves when every actor has ended or crashed; rejects with the first failure of one. */
  async run(): Promise<void> {
    for (let step = 0; ; step++) {
      // Some race ahead while others hardly move: uniform choice alone finds few of the rare orders.
      if (step % 40 === 0) for (const actor of this.#actors) actor.weight = 100 ** this.random()
      // Between two operations an actor only computes: one turn of the event loop is enough.
      await setImmediate()
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#waiting.length === 0) break
      this.#waiting.splice(this.#draw(), 1)[0]!.go()
    }
    const stuck = this.#actors.find(({ ended, crashed }) => !ended && !crashed)
    if (stuck !== undefined) throw new Error(`${stuck.name} waits for something else than its bucket`)
  }

  #draw(): number {
    if (this.pick !== undefined) {
      const names = this.#waiting.map(({ actor }) => actor.name)
      return names.indexOf(this.pick(names))
    }
    let left = this.random() * this.#waiting.reduce((sum, { actor }) => sum + actor.weight, 0)
    const drawn = this.#waiting.findIndex(({ actor }) => (left -= actor.weight) < 0)
    return Math.max(0, drawn)
  }

  #turn(actor: Actor, what: string): Promise<void> {
    return new Promise((resolve) => {
      if (actor.crashed) return
      const go = (): void => {
        if (actor.crashed) return
        this.log.push(`${actor.name}: ${what}`)
        resolve()
      }
      this.#waiting.push({ actor, go })
    })
  }

  async #operation<T>(actor: Actor, what: string, act: () => Promise<T>): Promise<T> {
    await this.#turn(actor, what)
    const crash = this.random() < this.#crashShare
    const done = crash && this.random() < 0.5
    if (crash) {
      actor.crashed = true
      this.log.push(`${actor.name}: crashed ${done ? 'after' : 'before'} ${what}`)
      if (done) await act()
      return new Promise<T>(() => {})
    }
    return act()
  }

  #timeOf(actor: Actor): Time {
    let now = 0
    return {
      now: () => now,
      sleep: async (milliseconds) => {
        await this.#turn(actor, 'sleep')
        now += milliseconds
      },
    }
  }

  #bucketOf(actor: Actor): Bucket {
    const bucket = this.#bucket
    const weakListing = (prefix: string): AsyncGenerator<BucketEntry> => this.#list(actor, prefix)
    return {
      get: (name: string, options?: GetOptions) =>
        this.#operation(actor, `get ${name}`, () =>
          this.#leases.get(name)?.crashed === true ? deadHolder() : bucket.get(name, options),
        ),
      put: (name: string, bytes: Uint8Array, options?: CallOptions) => {
        const copy = bytes.slice()
        if (name.startsWith('leases/')) this.#leases.set(name, actor)
        return this.#operation(actor, `put ${name}`, () => bucket.put(name, copy, options))
      },
      delete: (name: string, options?: CallOptions) =>
        this.#operation(actor, `delete ${name}`, () => bucket.delete(name, options)),
      list: weakListing,
    }
  }

  /**
   * As weak as the contract allows: what is put or deleted while it goes on may or may not appear. Names
   * come in an order of its own, and others act in between.
   */
  async *#list(actor: Actor, prefix: string): AsyncGenerator<BucketEntry> {
    await this.#operation(actor, `list ${prefix}`, async () => {})
    const listed = new Map((await Array.fromAsync(this.#bucket.list(prefix))).map((one) => [one.name, one]))
    const seen = new Set<string>()
    const showNew = this.random() < 0.5
    for (;;) {
      const names = [...listed.keys()].filter((name) => !seen.has(name))
      const name = names[Math.floor(this.random() * names.length)]
      if (name === undefined) return
      seen.add(name)
      if (this.random() < 0.3) await this.#turn(actor, `list ${prefix} goes on`)
      const now = await Array.fromAsync(this.#bucket.list(prefix))
      if (showNew) for (const one of now) listed.set(one.name, one)
      if (now.some((one) => one.name === name)) yield listed.get(name)!
    }
  }
}

/** What a lease says whose process has ended: this machine, since this boot, and no process that there is. */
async function deadHolder(): Promise<Uint8Array> {
  const own = ownIdentity()
  const ended = { ...own, process: own.process.replace(/-\d+$/, '-1') }
  return new TextEncoder().encode(JSON.stringify(ended))
}
