import { hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { seededRandom } from '../suites/random.ts'

/** Those whose steps end together: one life of a replica, from its start to its crash; a user; the network. */
export interface Actor {
  readonly name: string
  /** None of its steps is taken any more. What waits for one waits for ever. */
  dead: boolean
  /** Resolves when it dies. */
  readonly died: Promise<void>
  readonly die: () => void
  /** How much likelier than others it is to go next, for some while. */
  weight: number
}

interface Waiting {
  readonly actor: Actor
  readonly what: string
  /** Not before this time. */
  readonly from: number
  readonly go: () => void
}

/**
 * Time and chance of a simulated world: whatever waits for a disk, a network or a clock waits for its turn here, and a
 * seed decides who is next. Between two turns only one of them computes, so that a seed tells all that happens.
 */
export class Scheduler {
  readonly random: () => number
  /** What happened, in order. */
  readonly trace: string[] = []
  /** Called for each step, just before it is taken; may kill its actor. */
  onStep: ((actor: Actor, what: string) => void) | undefined
  /** Milliseconds since 1970, as nobody in this world knows it. */
  now = 1_790_000_000_000
  readonly #waiting: Waiting[] = []
  readonly #actors = new Set<Actor>()
  readonly #running = new Map<Promise<void>, Actor>()
  #failure: { readonly error: unknown } | undefined
  #steps = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  actor(name: string): Actor {
    const { promise: died, resolve: die } = Promise.withResolvers<void>()
    const actor = { name, dead: false, died, die, weight: 1 }
    this.#actors.add(actor)
    return actor
  }

  kill(actor: Actor): void {
    this.note(`${actor.name} is dead`)
    actor.dead = true
    actor.die()
    this.#actors.delete(actor)
  }

  /** A number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  chance(share: number): boolean {
    return this.random() < share
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  note(line: string): void {
    this.trace.push(line)
  }

  /** Resolves when it is the actor's turn; never, when it dies before. */
  step(actor: Actor, what: string, delay = 0): Promise<void> {
    return new Promise((resolve) => {
      if (!actor.dead) this.#waiting.push({ actor, what, from: this.now + delay, go: resolve })
    })
  }

  /** Lets `task` run beside all others. What it rejects with ends {@link run}. */
  start(actor: Actor, task: () => Promise<void>): void {
    const running = task().catch((error: unknown) => {
      this.#failure ??= { error }
    })
    this.#running.set(running, actor)
    void running.then(() => this.#running.delete(running))
  }

  /** Goes on until every task of a living actor has ended. Rejects with the first failure of one. */
  async run(maxSteps: number): Promise<void> {
    for (const last = this.#steps + maxSteps; ; this.#steps++) {
      if (this.#steps > last) throw new Error(`not at rest after ${maxSteps} steps`)
      // Some race ahead while others hardly move: uniform choice alone finds few of the rare orders.
      if (this.#steps % 50 === 0) for (const actor of this.#actors) actor.weight = 50 ** this.random()
      await setImmediate()
      if (this.#failure !== undefined) throw this.#failure.error
      const next = this.#next()
      if (next === undefined) break
      if (next.actor.dead) continue
      this.note(`${next.actor.name}: ${next.what}`)
      this.onStep?.(next.actor, next.what)
      this.now += this.below(20)
      if (!next.actor.dead) next.go()
    }
    const stuck = [...this.#running.values()].find(({ dead }) => !dead)
    if (stuck !== undefined) throw new Error(`${stuck.name} waits for what never happens`)
  }

  #next(): Waiting | undefined {
    if (this.#waiting.length === 0) return undefined
    if (!this.#waiting.some(({ from }) => from <= this.now))
      this.now = Math.min(...this.#waiting.map(({ from }) => from))
    const sum = this.#waiting.reduce((sum, { actor, from }) => sum + (from <= this.now ? actor.weight : 0), 0)
    let left = this.random() * sum
    let chosen = -1
    for (const [index, { actor, from }] of this.#waiting.entries()) {
      if (from > this.now) continue
      chosen = index
      left -= actor.weight
      if (left < 0) break
    }
    return this.#waiting.splice(chosen, 1)[0]
  }

  /** A digest of all that happened: equal for two runs of one seed. */
  fingerprint(): string {
    return hash('sha256', this.trace.join('\n'))
  }
}
