import { displayName } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { LoggedSnapshot } from '../history/log.ts'
import type { Entry } from '../object/entry.ts'
import type { Place } from './place.ts'
import { fromDisplayed, splitSnapshotPath } from './snapshot-path.ts'

export interface FoundPlace {
  readonly logged: LoggedSnapshot
  readonly path: Name
  readonly entry: Entry
}

/** What `SNAPSHOT[:PATH]` names. Rejects `missing` when the snapshot has no such path. */
export async function findPlace(place: Place, text: string): Promise<FoundPlace> {
  const { snapshot, path } = splitSnapshotPath(text)
  const logged = await place.snapshot(snapshot)
  return findIn(place, logged, path ?? '/')
}

/** The entry at a path as the user wrote it: literally, or as displayName shows it. */
export async function findIn(place: Place, logged: LoggedSnapshot, path: string): Promise<FoundPlace> {
  const { root } = logged.snapshot
  // Not for `log`, which looks into no tree.
  const { lookUp } = await import('../tree/directory.ts')
  for (const text of [path, fromDisplayed(path)]) {
    if (text === undefined) continue
    const name = place.pathIn(text, logged)
    const entry = await lookUp(place.store, root, name, { signal: place.signal })
    if (entry !== undefined) return { logged, path: name, entry }
  }
  const shown = displayName(place.pathIn(path, logged))
  throw new TidemarkError('missing', `the snapshot has no ${shown} (tidemark find looks in all of them)`)
}
