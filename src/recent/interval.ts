import { TidemarkError } from '../errors.ts'

/** A length of time as index files name it: `1h`, `6h`, `1d`, `1W`, `1M`, `1Q`, `1Y`, or `Z`, all time. */
export type Interval = string

const seconds: Readonly<Record<string, bigint>> = {
  s: 1n,
  m: 60n,
  h: 3600n,
  d: 86_400n,
  W: 604_800n,
  M: 2_592_000n,
  Q: 7_776_000n,
  Y: 31_557_600n,
}

/** Seconds of `Z`: 2^63 − 1. */
export const allTime: bigint = 2n ** 63n - 1n

/** The seconds of an interval; throws `usage` for what is none. */
export function intervalSeconds(interval: Interval): bigint {
  if (interval === 'Z') return allTime
  const match = /^([0-9]{1,9})([smhdWMQY])$/.exec(interval)
  if (match === null)
    throw new TidemarkError(
      'usage',
      `"${interval.slice(0, 40)}" is no interval: a number and one of s m h d W M Q Y, or Z`,
    )
  return BigInt(match[1]!) * seconds[match[2]!]!
}

/** The intervals of `list` by length, each once (two of the same length count as the same). */
export function sortIntervals(list: readonly Interval[]): Interval[] {
  const bySeconds = new Map<bigint, Interval>()
  for (const interval of list) {
    const length = intervalSeconds(interval)
    if (!bySeconds.has(length)) bySeconds.set(length, interval)
  }
  return [...bySeconds.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, interval]) => interval)
}
