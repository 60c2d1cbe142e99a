import { TidemarkError } from '../../errors.ts'
import { defaultIntervals } from '../../mirror/origin/origin-options.ts'
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

/** `--serializer <name>`. */
export function serializer(summary: string): OptionSpec<'yaml' | 'json' | undefined> {
  const completes = ['yaml', 'json'] as const
  return {
    flags: '--serializer <name>',
    summary: `${summary} (yaml, json)`,
    parse: parseSerializer,
    completes,
  }
}

function parseSerializer(text: string): 'yaml' | 'json' {
  if (text === 'yaml' || text === 'json') return text
  throw new TidemarkError('usage', `${text}: not one of yaml, json`)
}
