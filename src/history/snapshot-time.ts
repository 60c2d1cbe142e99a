import { TidemarkError } from '../errors.ts'

const isoForm =
  /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(Z|[+-]\d{2}:?\d{2})?)?)?$/i

/**
 * The moment that a person means by `text`, in milliseconds since 1970: an ISO date or time, or words ("2
 * hours ago", "yesterday 5pm"). Without a time zone it is local time; a month, a day or a minute named alone
 * means its end, so that "the newest at or before" takes in all of it. Undefined when `text` is no time.
 * Rejects `usage` for a date that does not exist, or that could be read in two ways.
 */
export async function parseTime(text: string, now: Date): Promise<number | undefined> {
  const iso = isoForm.exec(text)
  if (iso !== null) return parseIso(text, iso)
  if (/\d[/.]\d/.test(text))
    throw new TidemarkError('usage', `the date ${JSON.stringify(text)} is not clear: write it as 2026-11-20`)
  if (!/[a-z]{2}/i.test(text) || text.length > 200) return undefined
  return parseWords(text, now)
}

function parseIso(text: string, fields: RegExpExecArray): number {
  const [, year, month, day, hour, minute, second, fraction, zone] = fields
  const [y, mo, d] = [number(year), number(month), day === undefined ? 1 : number(day)]
  const [h, mi, s] = [number(hour), number(minute), number(second)]
  if (mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) || h > 23 || mi > 59 || s > 59)
    throw new TidemarkError('usage', `there is no ${text}`)
  if (day === undefined) return local(y, mo + 1, 1) - 1
  if (hour === undefined) return local(y, mo, d + 1) - 1
  const rest = second === undefined ? 59_999 : s * 1000 + (Number((fraction ?? '').padEnd(3, '9')) || 0)
  if (zone === undefined) return local(y, mo, d, h, mi) + rest
  const instant = new Date(0)
  instant.setUTCFullYear(y, mo - 1, d)
  instant.setUTCHours(h, mi)
  return instant.getTime() + rest - offsetOf(zone)
}

function number(field: string | undefined): number {
  return Number(field ?? 0)
}

/** Milliseconds that local time is ahead of UTC where `zone` ("Z", "+01:00") holds. */
function offsetOf(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}

function daysIn(year: number, month: number): number {
  return new Date(local(year, month + 1, 0)).getDate()
}

/** Local time; months count from 1, and fields beyond their range carry over. Unlike `new Date` it leaves the years 0 to 99 as they are. */
function local(year: number, month: number, day: number, hour = 0, minute = 0): number {
  const date = new Date(2000, 0, 1, hour, minute)
  date.setFullYear(year, month - 1, day)
  return date.getTime()
}

async function parseWords(text: string, now: Date): Promise<number | undefined> {
  // Imported only now: it takes longer to load than most commands take to run.
  const { casual } = await import('chrono-node/en')
  const [result, ...others] = casual.parse(text, now)
  if (result === undefined || others.length > 0 || result.end) return undefined
  if (result.index !== 0 || result.text.length !== text.length) return undefined
  const { start } = result
  const date = start.date()
  // History lies behind us: of the times that words leave open the last one is meant.
  if (date > now) {
    if (start.isCertain('weekday') && !start.isCertain('day')) date.setDate(date.getDate() - 7)
    else if (start.isCertain('hour') && !start.isCertain('day')) date.setDate(date.getDate() - 1)
    else if (start.isCertain('month') && !start.isCertain('year')) date.setFullYear(date.getFullYear() - 1)
  }
  if (!start.isCertain('hour')) return date.setHours(23, 59, 59, 999)
  return start.isCertain('second') ? date.getTime() : date.setSeconds(59, 999)
}
