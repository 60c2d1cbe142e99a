import { setTimeout as sleep } from 'node:timers/promises'
import { TidemarkError } from '../../errors.ts'
import type { Transport } from '../transport/transport.ts'
import type { MirrorEvent, MirrorReport } from './mirror-options.ts'
import type { MirrorState } from './mirror-state.ts'

export interface WatchOptions {
  /** Milliseconds between two looks. */
  readonly every: number
  readonly transport: Transport
  readonly state: MirrorState
  readonly signal: AbortSignal
  readonly now: () => number
  readonly catchUp: (wait: number | undefined) => Promise<MirrorReport>
  /** To be done once whenever nothing has changed for a while. */
  readonly whenSettled: () => Promise<unknown>
  readonly onEvent: ((event: MirrorEvent) => void) | undefined
}

const longestPause = 300_000
/** When nothing has changed for so many milliseconds, a sketch is worth the work. */
const settled = 60_000
/** Seconds; less than the time in which a transport expects something to come. */
const longestWait = 20

/**
 * Follows an origin until it is told to stop: looks again and again, later when it is out of reach. Rejects for what no
 * waiting mends.
 */
export async function watchOrigin(options: WatchOptions): Promise<void> {
  const { every, transport, state, signal, now, catchUp, whenSettled, onEvent } = options
  let failures = 0
  let settledAt = now() + settled
  while (!signal.aborted) {
    let pause = every
    try {
      const asked = performance.now()
      const { unchanged } = await catchUp(patience(state, now()))
      failures = 0
      if (!unchanged) settledAt = now() + settled
      else if (now() >= settledAt) {
        settledAt = Infinity
        await whenSettled()
      }
      // Who answers when something is new need not be asked at intervals, if he does wait.
      if (transport.waits === true && (!unchanged || performance.now() - asked > 500)) pause = 0
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof TidemarkError) || error.code === 'usage' || error.code === 'busy') throw error
      pause = Math.min(longestPause, Math.max(every, 1000) * 2 ** failures++)
      state.set('error', error.message)
      onEvent?.({ kind: 'failed', error, pause })
    }
    if (failures === 0 && state.get('error') !== undefined) state.set('error', undefined)
    try {
      await sleep(pause, undefined, { signal })
    } catch {
      return
    }
  }
}

/** Seconds that the origin may wait with its answer: not beyond what is to be tried again here. */
function patience(state: MirrorState, now: number): number | undefined {
  const due = state.work.nextDue()
  const seconds = due === undefined ? longestWait : Math.floor((due - now) / 1000)
  return seconds < 1 || state.get('unfinished') === '1' ? undefined : Math.min(seconds, longestWait)
}
