import { setImmediate } from 'node:timers/promises'
import type { Time } from '../../src/store/time.ts'

/**
 * Time that passes only by being slept through: each sleep ends at the next turn of the event loop. So it
 * ends later than anything that is done in memory alone, and sooner than what waits for ever.
 */
export class HurriedTime implements Time {
  /** Milliseconds of every sleep, in order. */
  readonly sleeps: number[] = []
  #now = 0

  now(): number {
    return this.#now
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.sleeps.push(milliseconds)
    await setImmediate(undefined, { signal })
    this.#now += milliseconds
  }
}
