import { TidemarkError } from '../errors.ts'
import { idToHex } from '../object/id.ts'
import { lineage, type LoggedSnapshot } from './log.ts'
import { parseTime } from './snapshot-time.ts'

/**
 * What a folder was before something was restored in place. Such a snapshot is no version that a person wanted:
 * `latest` and `~n` pass over it, so that the same restore twice does the same.
 */
export const beforeRestoreTag = 'before-restore'

function isWanted({ snapshot }: LoggedSnapshot): boolean {
  return !snapshot.tags.includes(beforeRestoreTag)
}

/** Digits of an id that are shown to people. */
const shownDigits = 12

/** An id as people see it. */
export function shortId(id: string): string {
  return idToHex(id).slice(0, shownDigits)
}

/**
 * The snapshot that a person means by `text`, of `snapshots`, which come newest first (see `listSnapshots`):
 *
 * - `latest`, which passes over what was recorded before a restore in place;
 * - a tag, the newest snapshot that bears it;
 * - the beginning of an id, at least 4 hexadecimal digits;
 * - a date or time, the newest snapshot at or before it;
 * - any of these followed by `~n`: n snapshots before that one (see `lineage`; `own` is the device of the copy that asks).
 *
 * What could be more than one of them is the first. Rejects `missing` when there is none, saying what is
 * near, and `usage` when `text` names several or makes no sense.
 */
export async function resolveSnapshot(
  snapshots: readonly LoggedSnapshot[],
  text: string,
  now: Date,
  own?: string,
): Promise<LoggedSnapshot> {
  if (snapshots.length === 0) throw new TidemarkError('missing', 'there is no snapshot yet')
  const [, name, steps] = /^(.*?)(?:~(\d{1,9}))?$/s.exec(text)!
  const found = await resolveName(snapshots, name!.trim(), now)
  if (steps === undefined) return found
  const lines = lineage(snapshots, own)
  let place = snapshots.indexOf(found)
  for (let left = Number(steps); left > 0;) {
    const [previous] = lines[place]!
    if (previous === undefined) {
      const problem = `${describe(snapshots[place]!)} is the first of all`
      throw new TidemarkError('missing', `no snapshot ${JSON.stringify(text)}: ${problem}`)
    }
    place = previous
    if (isWanted(snapshots[place]!)) left--
  }
  return snapshots[place]!
}

async function resolveName(
  snapshots: readonly LoggedSnapshot[],
  name: string,
  now: Date,
): Promise<LoggedSnapshot> {
  if (name === '') throw new TidemarkError('usage', 'which snapshot? Its name is empty')
  if (name === 'latest') return snapshots.find(isWanted) ?? snapshots[0]!
  const tagged = snapshots.find(({ snapshot }) => snapshot.tags.includes(name))
  if (tagged !== undefined) return tagged
  const isHex = /^[0-9a-f]{4,64}$/i.test(name)
  if (isHex) {
    const prefix = name.toLowerCase()
    const matching = snapshots.filter(({ id }) => idToHex(id).startsWith(prefix))
    if (matching.length > 1) {
      throw new TidemarkError('usage', `${JSON.stringify(name)} names several snapshots: ${some(matching)}`)
    }
    if (matching.length === 1) return matching[0]!
  }
  const time = await parseTime(name, now)
  if (time !== undefined) return atTime(snapshots, name, time)
  const near = nearTo(snapshots, name)
  throw new TidemarkError('missing', `no snapshot ${JSON.stringify(name)}; there ${near}`)
}

function atTime(snapshots: readonly LoggedSnapshot[], name: string, time: number): LoggedSnapshot {
  let newest: LoggedSnapshot | undefined
  let oldest = snapshots[0]!
  for (const one of snapshots) {
    const at = one.snapshot.time
    if (at < oldest.snapshot.time) oldest = one
    if (at <= time && (newest === undefined || at > newest.snapshot.time)) newest = one
  }
  if (newest !== undefined) return newest
  const problem = `no snapshot is as old as ${JSON.stringify(name)}; the oldest is ${describe(oldest)}`
  throw new TidemarkError('missing', problem)
}

/** What a person who mistyped may have meant. */
function nearTo(snapshots: readonly LoggedSnapshot[], name: string): string {
  const lower = name.toLowerCase()
  const tags = new Set(snapshots.flatMap(({ snapshot }) => snapshot.tags))
  const similar = [...tags].filter((tag) => {
    const other = tag.toLowerCase()
    return other.includes(lower) || lower.includes(other) || other.slice(0, 3) === lower.slice(0, 3)
  })
  if (similar.length > 0) return `is the tag ${similar.slice(0, 5).join(', ')}`
  const begins = snapshots.filter(({ id }) => idToHex(id).startsWith(lower.slice(0, 3)))
  if (lower.length >= 3 && begins.length > 0) return `is ${some(begins)}`
  return `is the latest, ${describe(snapshots[0]!)}`
}

function some(snapshots: readonly LoggedSnapshot[]): string {
  const shown = snapshots.slice(0, 5).map(describe).join(', ')
  return snapshots.length > 5 ? `${shown} and ${snapshots.length - 5} more` : shown
}

function describe({ id, snapshot }: LoggedSnapshot): string {
  const date = new Date(snapshot.time)
  const time = Number.isNaN(date.getTime()) ? 'no valid time' : localTime(date)
  return `${shortId(id)} of ${time}`
}

function localTime(date: Date): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}
