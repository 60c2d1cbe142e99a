import { isTidemarkError, TidemarkError } from '../errors.ts'
import type { Bucket, BucketEntry, CallOptions, GetOptions, WriteOptions } from './bucket.ts'
import { cancelled, throwIfCancelled } from './call.ts'
import { systemTime, type Time } from './time.ts'

export interface RetryLimits {
  /** How often a call is made at most, the first time included. */
  readonly tries: number
  /** Milliseconds: the longest pause after the first failure. It doubles with each failure that follows. */
  readonly firstPause: number
  /** Milliseconds that no pause goes beyond. */
  readonly longestPause: number
  /** Milliseconds after which no further try is begun. */
  readonly giveUpAfter: number
}

export const usualRetries: RetryLimits = {
  tries: 8,
  firstPause: 250,
  longestPause: 15_000,
  giveUpAfter: 120_000,
}

/**
 * Another bucket, of which calls that reject `unavailable` or `timeout` are made again. Every call of a
 * bucket may be repeated, so a try that took effect and was reported as failed does no harm. When the tries
 * are used up, the last error is given.
 *
 * Each pause is a random length between half its longest and its longest, so that many clients that failed
 * together do not come back together.
 */
export class RetryBucket implements Bucket {
  readonly #bucket: Bucket
  readonly #limits: RetryLimits
  readonly #time: Time
  readonly #random: () => number

  /** `random` gives numbers from 0 to below 1. */
  constructor(
    bucket: Bucket,
    limits: RetryLimits = usualRetries,
    time: Time = systemTime,
    random: () => number = Math.random,
  ) {
    this.#bucket = bucket
    this.#limits = limits
    this.#time = time
    this.#random = random
  }

  get(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    return this.#retry(`read ${name}`, options, () => this.#bucket.get(name, options))
  }

  put(name: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.#retry(`write ${name}`, options, () => this.#bucket.put(name, bytes, options))
  }

  delete(name: string, options: WriteOptions = {}): Promise<void> {
    return this.#retry(`delete ${name}`, options, () => this.#bucket.delete(name, options))
  }

  /**
   * A listing that fails midway is begun again. The names given so far are kept in memory, as none may come
   * twice; a failure after at least one new name counts as the first.
   */
  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<BucketEntry, void> {
    const doing = `list ${prefix}`
    const given = new Set<string>()
    let begun = this.#time.now()
    for (let tried = 1; ; tried++) {
      throwIfCancelled(options.signal, doing)
      try {
        for await (const entry of this.#bucket.list(prefix, options)) {
          if (given.has(entry.name)) continue
          given.add(entry.name)
          tried = 0
          yield entry
        }
        return
      } catch (error) {
        if (tried === 0) begun = this.#time.now()
        tried = Math.max(tried, 1)
        await this.#pause(error, tried, begun, doing, options.signal)
      }
    }
  }

  async #retry<T>(doing: string, { signal }: CallOptions, call: () => Promise<T>): Promise<T> {
    const begun = this.#time.now()
    for (let tried = 1; ; tried++) {
      throwIfCancelled(signal, doing)
      try {
        return await call()
      } catch (error) {
        await this.#pause(error, tried, begun, doing, signal)
      }
    }
  }

  /** Resolves when it is time to try again; throws when there is no use, or no try left. */
  async #pause(
    error: unknown,
    tried: number,
    begun: number,
    doing: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (!isTidemarkError(error, 'unavailable', 'timeout')) throw error
    const longest = Math.min(this.#limits.longestPause, this.#limits.firstPause * 2 ** (tried - 1))
    const pause = longest * (0.5 + 0.5 * this.#random())
    if (tried >= this.#limits.tries || this.#time.now() - begun + pause > this.#limits.giveUpAfter) {
      if (tried === 1) throw error
      throw new TidemarkError(error.code, `${error.message} (tried ${tried} times)`, { cause: error })
    }
    try {
      await this.#time.sleep(pause, signal)
    } catch (reason) {
      throw signal?.aborted === true ? cancelled(signal, doing) : reason
    }
  }
}
