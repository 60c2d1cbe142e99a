import { TidemarkError } from '../errors.ts'
import type { Bucket, BucketEntry, CallOptions, GetOptions, WriteOptions } from './bucket.ts'
import { cancelled, checkRange, throwIfCancelled } from './call.ts'
import { systemTime, type Time } from './time.ts'

export interface TimeLimits {
  /** Milliseconds within which a call must be answered, and a listing give its next entry. */
  readonly answer: number
  /** Bytes a second that a get or put must move at least: each byte makes its time longer. */
  readonly bytesPerSecond: number
  /** How many bytes a get without a range is given the time for: nobody knows its size beforehand. */
  readonly unknownSize: number
}

/** Patient enough for a phone's uplink, short enough to be noticed. */
export const usualLimits: TimeLimits = {
  answer: 30_000,
  bytesPerSecond: 32 * 1024,
  unknownSize: 16 * 1024 * 1024,
}

/**
 * Another bucket that cannot hang: a call that has no answer in its time rejects `timeout`, and one whose
 * signal is aborted rejects `cancelled` at once, whether or not the bucket below heeds its signal.
 *
 * The call below is told to stop by its signal. It may yet take effect later, and a put that rejected
 * `timeout` or `cancelled` may still be reading its bytes.
 */
export class TimeoutBucket implements Bucket {
  readonly #bucket: Bucket
  readonly #limits: TimeLimits
  readonly #time: Time

  constructor(bucket: Bucket, limits: TimeLimits = usualLimits, time: Time = systemTime) {
    this.#bucket = bucket
    this.#limits = limits
    this.#time = time
  }

  async get(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    const { range } = options
    checkRange(range, name)
    const size = range === undefined ? this.#limits.unknownSize : range.end - range.start
    return this.#within(this.#timeFor(size), `read ${name}`, options, (signal) =>
      this.#bucket.get(name, { range, signal }),
    )
  }

  put(name: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.#within(this.#timeFor(bytes.length), `write ${name}`, options, (signal) =>
      this.#bucket.put(name, bytes, { ...options, signal }),
    )
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<BucketEntry, void> {
    const stop = new AbortController()
    const entries = this.#bucket.list(prefix, { signal: stop.signal })[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = () => entries.next()
        const entry = await this.#within(this.#limits.answer, `list ${prefix}`, options, next, stop)
        if (entry.done === true) return
        yield entry.value
      }
    } finally {
      // Not awaited: a listing that hangs ends no sooner for being asked to.
      entries.return?.().catch(() => {})
    }
  }

  delete(name: string, options: WriteOptions = {}): Promise<void> {
    return this.#within(this.#limits.answer, `delete ${name}`, options, (signal) =>
      this.#bucket.delete(name, { ...options, signal }),
    )
  }

  #timeFor(bytes: number): number {
    return this.#limits.answer + (bytes / this.#limits.bytesPerSecond) * 1000
  }

  /** The outcome of `call`, unless the time or the caller's signal comes first: then `stop` is aborted. */
  async #within<T>(
    milliseconds: number,
    doing: string,
    { signal }: CallOptions,
    call: (signal: AbortSignal) => Promise<T>,
    stop: AbortController = new AbortController(),
  ): Promise<T> {
    throwIfCancelled(signal, doing)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const settled = new AbortController()
    const giveUp = (error: TidemarkError): void => {
      reject(error)
      stop.abort(error)
    }
    signal?.addEventListener('abort', () => giveUp(cancelled(signal, doing)), { signal: settled.signal })
    this.#time.sleep(milliseconds, settled.signal).then(
      () => giveUp(new TidemarkError('timeout', `${doing}: no answer within ${Math.round(milliseconds)} ms`)),
      () => {},
    )
    try {
      call(stop.signal).then(resolve, reject)
      return await promise
    } finally {
      settled.abort()
    }
  }
}
