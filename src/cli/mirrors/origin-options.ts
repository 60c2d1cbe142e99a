import { TidemarkError } from '../../errors.ts'
import { defaultIntervals } from '../../mirror/origin/origin.ts'
import { intervalSeconds, type Interval } from '../../recent/index.ts'
import type { OptionSpec } from '../command.ts'

/** `--intervals 1h,6h,…`. */
export function intervals(flags: string, summary: string): OptionSpec<readonly Interval[] | undefined> {
  return { flags, summary: `${summary} (else ${defaultIntervals.join(',')})`, parse: parseIntervals }
}

function parseIntervals(text: string): Interval[] {
  const list = text.split(',').map((interval) => interval.trim())
  for (const interval of list) {
    if (intervalSeconds(interval) > 0n) continue
    throw new TidemarkError('usage', `${interval}: an interval takes some time`)
  }
  return list
}
