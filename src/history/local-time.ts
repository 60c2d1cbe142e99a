import { TidemarkError } from '../errors.ts'

/** Where days begin: an IANA name ("Europe/Berlin"), or minutes east of Greenwich. The system's if undefined. */
export type Zone = string | number | undefined

/** What the clock on the wall shows in `zone`, as if it were UTC: milliseconds. Throws `usage`. */
export function localTime(zone: Zone): (time: number) => number {
  if (typeof zone === 'number') return (time) => time + zone * 60_000
  const format = formatIn(zone)
  return (time) => {
    const part = Object.fromEntries(
      format.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
    )
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute, second) + (((time % 1000) + 1000) % 1000)
  }
}

function formatIn(timeZone: string | undefined): Intl.DateTimeFormat {
  const numbers = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric' } as const
  try {
    return new Intl.DateTimeFormat('en-u-ca-iso8601', {
      ...numbers,
      minute: 'numeric',
      second: 'numeric',
      hourCycle: 'h23',
      timeZone,
    })
  } catch (error) {
    throw new TidemarkError('usage', `unknown time zone: ${timeZone}`, { cause: error })
  }
}
