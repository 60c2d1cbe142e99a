import { corrupt } from '../errors.ts'

/**
 * A version is named by its moment: `YYYYmmdd-HHMMSS`, in local time, as the old program names its files. Where
 * that cannot say enough, more follows: `_` and six digits (microseconds) when the second has a version already,
 * and `@` with the true moment (Unix seconds, six decimals) when the digits before had to be others, since the
 * clock went back, or cannot be read back rightly, as in the hour that summer time repeats. File names are
 * these with `.txt`; the order of the file names is the order of the versions.
 */
export type VersionName = string

/** How the digits of names are read and written. The old program uses local time. */
export type NameZone = 'local' | 'utc'

const pattern = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)(?:_(\d{6}))?(?:@(\d{1,12})\.(\d{6}))?$/

/** Names are as close to the truth as a second; a difference beyond it is written down. */
const tolerance = 1000

/** The same with the ranges of the digits: one look for each of thousands of names. */
const valid =
  /^\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d|6[01])(?:_\d{6})?(?:@\d{1,12}\.\d{6})?$/

export function isVersionName(text: string): boolean {
  return valid.test(text)
}

/** The version that a file name stands for; undefined for a file that is none. */
export function versionOfFile(file: string): VersionName | undefined {
  if (!file.endsWith('.txt')) return undefined
  const name = file.slice(0, -4)
  return isVersionName(name) ? name : undefined
}

/**
 * The order of the file names, byte by byte, which is the order that programs in other languages see. It is also that of
 * the names: what may follow where a shorter one ends (a digit, `_`, `@`) sorts behind the `.` of its `.txt`.
 */
export function compareVersions(a: VersionName, b: VersionName): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** The moment of a version: milliseconds since 1970, with microseconds as a fraction. */
export function versionTime(name: VersionName, zone: NameZone): number {
  const match = isVersionName(name) ? pattern.exec(name) : null
  if (match === null) throw corrupt(name, 'not the name of a version')
  if (match[8] !== undefined) return Number(match[8]) * 1000 + Number(match[9]) / 1000
  return readDigits(match, zone) + Number(match[7] ?? 0) / 1000
}

function readDigits(match: RegExpExecArray, zone: NameZone): number {
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number)
  const parts = [year!, month! - 1, day!, hour!, minute!, second!] as const
  return zone === 'utc' ? Date.UTC(...parts) : new Date(...parts).getTime()
}

/**
 * The name for a version of the moment `now` (milliseconds since 1970, may have a fraction) that sorts behind
 * `newest`.
 */
export function nextVersionName(now: number, newest: VersionName | undefined, zone: NameZone): VersionName {
  const plain = formatDigits(new Date(Math.floor(now / 1000) * 1000), zone)
  const micros = Math.floor((now % 1000) * 1000)
  let name = plain
  if (newest !== undefined && compareVersions(name, newest) <= 0) {
    name = `${plain}_${sixDigits(micros)}`
    if (compareVersions(name, newest) <= 0) name = successor(newest)
  }
  if (Math.abs(versionTime(name, zone) - now) <= tolerance) return name
  return `${name}@${Math.floor(now / 1000)}.${sixDigits(micros)}`
}

/** The next name that sorts behind `name`, a microsecond later. The digits are only counted on, in no zone. */
function successor(name: VersionName): VersionName {
  const match = pattern.exec(name)!
  const second = readDigits(match, 'utc')
  const micros = Number(match[7] ?? 0) + 1
  if (micros < 1e6) return `${formatDigits(new Date(second), 'utc')}_${sixDigits(micros)}`
  return formatDigits(new Date(second + 1000), 'utc')
}

function formatDigits(date: Date, zone: NameZone): string {
  // In local time these are the digits that UTC shows at another moment.
  const shown = zone === 'utc' ? date : new Date(date.getTime() - localOffset(date))
  return shown.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)
}

/** Milliseconds that local time is behind UTC. `getTimezoneOffset` alone would drop its seconds, as some old zones have. */
function localOffset(date: Date): number {
  const parts = [
    date.getMonth(),
    date.getDate(),
    date.getHours(),
    date.getMinutes(),
    date.getSeconds(),
  ] as const
  return date.getTime() - Date.UTC(date.getFullYear(), ...parts)
}

function sixDigits(value: number): string {
  return String(value).padStart(6, '0')
}
