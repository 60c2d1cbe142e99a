import type { Scheduler } from './scheduler.ts'

/** The clock of one machine: wrong by some while, and set anew now and then. */
export class SimulatedClock {
  readonly #scheduler: Scheduler
  /** Milliseconds that it is ahead. */
  skew: number

  constructor(scheduler: Scheduler, skew: number) {
    this.#scheduler = scheduler
    this.skew = skew
  }

  /** Milliseconds since 1970. */
  now(): number {
    return Math.max(0, Math.floor(this.#scheduler.now + this.skew))
  }

  nowNs(): bigint {
    return BigInt(this.now()) * 1_000_000n
  }
}
