import type { LoggedSnapshot } from '../history/log.ts'
import { idToHex } from '../object/id.ts'
import type { Id } from '../object/id.ts'

/** What names a snapshot in `text`, without the `~n` behind it. */
function baseOf(text: string): string {
  return text.replace(/~\d{1,9}$/s, '').trim()
}

/** Whether `text`, but for a `~n`, is the beginning of this id. */
export function beginsId(text: string, id: Id): boolean {
  const name = baseOf(text)
  return /^[0-9a-f]{4,64}$/i.test(name) && idToHex(id).startsWith(name.toLowerCase())
}

/** Whether `text` names one of `snapshots`, but for a `~n`, by itself: not by its place among the others or in time. */
export function namesOne(text: string, snapshots: readonly LoggedSnapshot[]): boolean {
  const name = baseOf(text)
  return snapshots.some(({ id, snapshot }) => beginsId(text, id) || snapshot.tags.includes(name))
}

/** Whether `text` counts back from what it names. */
export function countsBack(text: string): boolean {
  return baseOf(text) !== text.trim()
}

/** Whether `text` is `latest`, or counts back from it. */
export function isLatest(text: string): boolean {
  return baseOf(text) === 'latest'
}
