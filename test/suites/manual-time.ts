import { setImmediate } from 'node:timers/promises'
import type { Time } from '../../src/store/time.ts'

/** Time that passes only when it is told to. */
export class ManualTime implements Time {
  #now = 0
  #sleepers: { until: number; wake: () => void }[] = []

  now(): number {
    return this.#now
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { until: this.#now + milliseconds, wake: resolve }
      this.#sleepers.push(sleeper)
      const give = (): void => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper)
        reject(new Error('woken'))
      }
      if (signal?.aborted === true) give()
      else signal?.addEventListener('abort', give, { once: true })
    })
  }

  /** When the next sleep ends; undefined when nobody sleeps. */
  get next(): number | undefined {
    return this.#sleepers.length === 0 ? undefined : Math.min(...this.#sleepers.map(({ until }) => until))
  }

  /** Lets so many milliseconds pass; those who wake can go to sleep again within them. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    await setImmediate()
    for (let next = this.next; next !== undefined && next <= end; next = this.next) {
      this.#now = Math.max(this.#now, next)
      const woken = this.#sleepers.filter(({ until }) => until <= this.#now)
      this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#now)
      for (const { wake } of woken) wake()
      await setImmediate()
    }
    this.#now = end
  }
}
