import { systemTime, type Time } from '../../store/time.ts'

/**
 * Lets so many bytes a second pass, and a tenth of a second's worth at once. One bucket may serve several
 * connections, which then share its rate.
 */
export class TokenBucket {
  readonly bytesPerSecond: number
  readonly #time: Time
  readonly #burst: number
  #tokens: number
  #filledAt: number

  constructor(bytesPerSecond: number, time: Time = systemTime) {
    this.bytesPerSecond = bytesPerSecond
    this.#time = time
    this.#burst = bytesPerSecond / 10
    this.#tokens = this.#burst
    this.#filledAt = time.now()
  }

  /**
   * Takes `bytes` out, more than there are if need be: the debt is what later callers wait for. Returns how many
   * milliseconds the caller has to wait before it goes on.
   */
  take(bytes: number): number {
    const now = this.#time.now()
    const filled = this.#tokens + ((now - this.#filledAt) / 1000) * this.bytesPerSecond
    this.#filledAt = now
    this.#tokens = Math.min(this.#burst, filled) - bytes
    return Math.max(0, (-this.#tokens / this.bytesPerSecond) * 1000)
  }
}
