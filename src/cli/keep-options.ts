import type { OptionSpec } from './command.ts'
import { count } from './options.ts'

/** The rules that `forget` and `record` keep by, but for those by age and by tag. */
export const keepOptions: Readonly<
  Record<
    'keepLast' | 'keepHourly' | 'keepDaily' | 'keepWeekly' | 'keepMonthly' | 'keepYearly',
    OptionSpec<number | undefined>
  >
> = {
  keepLast: count('--keep-last <n>', 'keep the newest n'),
  keepHourly: count('--keep-hourly <n>', 'keep the newest of each of the last n hours that have one'),
  keepDaily: count('--keep-daily <n>', 'likewise for days'),
  keepWeekly: count('--keep-weekly <n>', 'for weeks'),
  keepMonthly: count('--keep-monthly <n>', 'for months'),
  keepYearly: count('--keep-yearly <n>', 'for years'),
}

type KeepCounts = Readonly<Record<keyof typeof keepOptions, number | undefined>>

/** The policy that such options ask for. */
export function countsOf(options: KeepCounts): {
  readonly last: number | undefined
  readonly hourly: number | undefined
  readonly daily: number | undefined
  readonly weekly: number | undefined
  readonly monthly: number | undefined
  readonly yearly: number | undefined
} {
  return {
    last: options.keepLast,
    hourly: options.keepHourly,
    daily: options.keepDaily,
    weekly: options.keepWeekly,
    monthly: options.keepMonthly,
    yearly: options.keepYearly,
  }
}
