import { TidemarkError } from '../errors.ts'

/**
 * Which versions to keep: those that any rule asks for. `last` keeps the newest n; `hourly` and the others keep
 * the newest of each of the last n hours (days, weeks from Monday, months, years) that have a version; `within` keeps what is
 * not older than so many milliseconds before the newest.
 */
export interface RetentionPolicy {
  readonly last?: number | undefined
  readonly hourly?: number | undefined
  readonly daily?: number | undefined
  readonly weekly?: number | undefined
  readonly monthly?: number | undefined
  readonly yearly?: number | undefined
  readonly within?: number | undefined
}

/** For each of `times`, which are in order, whether the policy keeps it. Throws `usage` for one that asks for nothing. */
export function keptBy(policy: RetentionPolicy, times: readonly Date[]): boolean[] {
  if (Object.values(policy).every((rule) => rule === undefined)) {
    throw new TidemarkError('usage', 'a policy that keeps nothing would forget everything')
  }
  const kept = times.map(() => false)
  const newest = times.at(-1)?.getTime() ?? 0
  if (policy.within !== undefined) {
    for (const [i, time] of times.entries()) if (newest - time.getTime() <= policy.within) kept[i] = true
  }
  let ordinal = 0
  keepNewestOfEach(kept, times, policy.last, () => String(ordinal++))
  for (const [tier, period] of tiers) keepNewestOfEach(kept, times, policy[tier], period)
  return kept
}

/** Names the period that a time is in, in local time. */
const tiers: readonly (readonly [
  'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly',
  (time: Date) => string,
])[] = [
  // The hour that the end of summer time repeats is two.
  [
    'hourly',
    (time) =>
      String(Math.floor((time.getTime() - 60_000 * time.getTimezoneOffset()) / 3_600_000)) +
      time.getTimezoneOffset(),
  ],
  ['daily', (time) => `${time.getFullYear()}-${time.getMonth()}-${time.getDate()}`],
  [
    'weekly',
    (time) => {
      const monday = new Date(time.getFullYear(), time.getMonth(), time.getDate() - ((time.getDay() + 6) % 7))
      return `${monday.getFullYear()}-${monday.getMonth()}-${monday.getDate()}`
    },
  ],
  ['monthly', (time) => `${time.getFullYear()}-${time.getMonth()}`],
  ['yearly', (time) => String(time.getFullYear())],
]

function keepNewestOfEach(
  kept: boolean[],
  times: readonly Date[],
  most: number | undefined,
  period: (time: Date) => string,
): void {
  const met = new Set<string>()
  for (let i = times.length - 1; i >= 0 && met.size < (most ?? 0); i--) {
    const name = period(times[i]!)
    if (!met.has(name)) kept[i] = true
    met.add(name)
  }
}
