import { TidemarkError } from '../errors.ts'
import type { Id } from '../object/id.ts'
import { localTime } from './local-time.ts'
import type { Zone } from './local-time.ts'
import { beforeRestoreTag } from './name-snapshot.ts'

/** Which snapshots to keep: whatever any rule keeps. Counts may be Infinity; 0 is as if not given. */
export interface RetentionPolicy {
  /** The newest so many. */
  readonly last?: number | undefined
  /** The newest of each of the last so many hours that have snapshots; likewise the others. */
  readonly hourly?: number | undefined
  readonly daily?: number | undefined
  /** Weeks begin on Monday. */
  readonly weekly?: number | undefined
  readonly monthly?: number | undefined
  readonly yearly?: number | undefined
  /** Those at most this much older than the newest: "1y6m", "14d", "36h", "2w3d". */
  readonly within?: string | undefined
  /** Those with any of these tags. */
  readonly tags?: readonly string[] | undefined
}

export interface RetainedSnapshot {
  readonly id: Id
  /** Milliseconds since 1970. */
  readonly time: number
  readonly tags: readonly string[]
  /** Two copies of the folder have it in common. */
  readonly isShared?: boolean | undefined
}

export interface Retention<T extends RetainedSnapshot> {
  /** Newest first, each with all the reasons why: "last snapshot", "daily snapshot", "tag release"… */
  readonly keep: readonly { readonly snapshot: T; readonly reasons: readonly string[] }[]
  /** Newest first. */
  readonly forget: readonly T[]
}

const hour = 3_600_000
const day = 24 * hour

/** What two snapshots of one period have in common; `wall` is what the clock on the wall shows. */
const periods = {
  // The hour that a zone repeats in autumn is two hours.
  hourly: (wall: number, time: number) => `${Math.floor(wall / hour)} ${Math.round((wall - time) / 60_000)}`,
  daily: (wall: number) => `${Math.floor(wall / day)}`,
  // 1 January 1970 was a Thursday.
  weekly: (wall: number) => `${Math.floor((Math.floor(wall / day) + 3) / 7)}`,
  monthly: (wall: number) => new Date(wall).toISOString().slice(0, -17),
  yearly: (wall: number) => `${new Date(wall).getUTCFullYear()}`,
} satisfies Record<string, (wall: number, time: number) => string>

/**
 * Decides which snapshots of one folder are kept. The newest always is, and the one that `latest` names; where a rule has periods left at the
 * end, the oldest is kept too, as the best there is of the time before. Throws `usage` when no rule is given,
 * for that would forget all.
 */
export function retain<T extends RetainedSnapshot>(
  snapshots: readonly T[],
  policy: RetentionPolicy,
  zone?: Zone,
): Retention<T> {
  checkPolicy(policy)
  const sorted = snapshots.toSorted((a, b) => b.time - a.time || (a.id < b.id ? -1 : 1))
  const reasons = new Map<T, string[]>(sorted.map((snapshot) => [snapshot, []]))
  const because = (snapshot: T, reason: string): unknown => reasons.get(snapshot)!.push(reason)

  for (const snapshot of sorted.slice(0, policy.last ?? 0)) because(snapshot, 'last snapshot')
  const wallTime = localTime(zone)
  for (const [name, periodOf] of Object.entries(periods)) {
    let left = policy[name as keyof typeof periods] ?? 0
    let previous: string | undefined
    for (const [n, snapshot] of sorted.entries()) {
      if (left <= 0) break
      const period = periodOf(wallTime(snapshot.time), snapshot.time)
      if (period === previous && n < sorted.length - 1) continue
      because(snapshot, period === previous ? `oldest ${name} snapshot` : `${name} snapshot`)
      previous = period
      left--
    }
  }
  const newest = sorted[0]
  if (newest !== undefined && policy.within !== undefined) {
    const since = subtract(newest.time, parseSpan(policy.within), wallTime)
    for (const snapshot of sorted)
      if (wallTime(snapshot.time) >= since) because(snapshot, `within ${policy.within}`)
  }
  for (const snapshot of sorted)
    for (const tag of snapshot.tags) if (policy.tags?.includes(tag) === true) because(snapshot, `tag ${tag}`)
  for (const snapshot of sorted)
    if (snapshot.isShared === true) because(snapshot, 'in common with another copy')
  const latest = sorted.find(({ tags }) => !tags.includes(beforeRestoreTag))
  for (const snapshot of [newest, latest])
    if (snapshot !== undefined && reasons.get(snapshot)!.length === 0) because(snapshot, 'newest snapshot')

  const keep = sorted.map((snapshot) => ({ snapshot, reasons: reasons.get(snapshot)! }))
  return {
    keep: keep.filter(({ reasons }) => reasons.length > 0),
    forget: keep.filter(({ reasons }) => reasons.length === 0).map(({ snapshot }) => snapshot),
  }
}

function checkPolicy(policy: RetentionPolicy): void {
  const counts = [policy.last, ...Object.keys(periods).map((name) => policy[name as keyof typeof periods])]
  for (const count of counts) {
    const fits = count === undefined || count === Infinity || (Number.isSafeInteger(count) && count >= 0)
    if (!fits) throw new TidemarkError('usage', `not a number of snapshots to keep: ${count}`)
  }
  if (policy.within !== undefined) parseSpan(policy.within)
  const given = counts.some((count) => (count ?? 0) > 0) || policy.within !== undefined
  if (!given && (policy.tags ?? []).length === 0)
    throw new TidemarkError('usage', 'no rule says what to keep: that would forget every snapshot but one')
}

interface Span {
  readonly months: number
  readonly milliseconds: number
}

/** Years, months, weeks, days and hours: "1y6m", "2w3d12h". Throws `usage`. */
function parseSpan(text: string): Span {
  const match = /^(?:(\d{1,4})y)?(?:(\d{1,5})m)?(?:(\d{1,5})w)?(?:(\d{1,6})d)?(?:(\d{1,7})h)?$/.exec(text)
  if (match === null || text === '')
    throw new TidemarkError('usage', `not a span of time like 1y6m, 2w, 14d or 36h: ${JSON.stringify(text)}`)
  const [years, months, weeks, days, hours] = match.slice(1).map((digits) => Number(digits ?? 0))
  return {
    months: years! * 12 + months!,
    milliseconds: (weeks! * 7 + days!) * day + hours! * hour,
  }
}

/** What the wall showed a span before `time`. A day that the month lacks is its last. */
function subtract(time: number, span: Span, wallTime: (time: number) => number): number {
  const wall = new Date(wallTime(time))
  const date = wall.getUTCDate()
  wall.setUTCMonth(wall.getUTCMonth() - span.months, 1)
  const lastDate = new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 0)).getUTCDate()
  wall.setUTCDate(Math.min(date, lastDate))
  return wall.getTime() - span.milliseconds
}
