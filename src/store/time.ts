import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'

/** The passing of time, given as an argument so that waiting can be replayed in no time. */
export interface Time {
  /** Milliseconds since some moment in the past. Never goes back, whatever happens to the clock. */
  now(): number
  /** Resolves after so many milliseconds; rejects with anything at all when `signal` is aborted before. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** What a timer takes at most, 25 days: beyond it Node waits for one millisecond. */
const longestTimer = 2 ** 31 - 1

export const systemTime: Time = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => setTimeout(Math.min(milliseconds, longestTimer), undefined, { signal }),
}
