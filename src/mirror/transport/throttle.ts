import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Keeps what passes below a rate: whoever has taken too much waits. Up to a tenth of a second's worth may pass
 * at once, so that small pieces do not wait one by one.
 */
export class Throttle {
  readonly #perSecond: number
  #free: number

  /** `perSecond` in bytes; Infinity for no limit. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
    this.#free = performance.now()
  }

  /** Whether anything ever has to wait. */
  get limits(): boolean {
    return this.#perSecond !== Infinity
  }

  /** Resolves when `bytes` more may pass. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (!this.limits) return
    const now = performance.now()
    this.#free = Math.max(this.#free, now - 100) + (bytes * 1000) / this.#perSecond
    if (this.#free > now) await sleep(this.#free - now, undefined, { signal })
  }
}
