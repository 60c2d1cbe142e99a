import { setTimeout as sleep } from 'node:timers/promises'
import { TidemarkError } from '../../errors.ts'
import { parseDuration } from '../options.ts'

/** When to fetch next, as a function of the moment at which the last fetch began and of now (milliseconds). */
export type Schedule = (begun: number, now: number) => number

/**
 * `--every`: a span of time ("5s"), or a cron expression of five or six fields. A fetch that takes longer than the interval makes
 * the next one wait for the next moment of the schedule: fetches never run beside each other nor pile up.
 */
export async function parseSchedule(text: string): Promise<Schedule> {
  if (!text.trim().includes(' ') && !text.startsWith('@')) {
    const interval = parseDuration(text)
    if (interval <= 0) throw new TidemarkError('usage', `--every ${text}: not longer than nothing`)
    return (begun, now) => begun + interval * Math.max(1, Math.ceil((now - begun) / interval))
  }
  const { Cron } = await import('croner')
  try {
    const cron = new Cron(text)
    return (_begun, now) => {
      const next = cron.nextRun(new Date(now))
      if (next === null)
        throw new TidemarkError('usage', `--every ${JSON.stringify(text)}: never comes again`)
      return next.getTime()
    }
  } catch (error) {
    throw new TidemarkError('usage', `--every ${JSON.stringify(text)}: ${(error as Error).message}`)
  }
}

/** The longest wait that a timer takes. */
const longest = 2 ** 31 - 1

/** Waits until the clock shows `moment`, or `signal` is aborted. */
export async function waitUntil(moment: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && Date.now() < moment) {
    await sleep(Math.min(longest, moment - Date.now()), undefined, { signal }).catch(() => {})
  }
}
