import { displayName } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import { listSnapshots } from '../history/log.ts'
import type { LoggedSnapshot } from '../history/log.ts'
import { resolveSnapshot } from '../history/name-snapshot.ts'
import type { Entry } from '../object/entry.ts'
import { openBucket } from '../store/open-bucket.ts'
import { Repository } from '../store/repository/repository.ts'
import { lookUp } from '../tree/directory.ts'
import type { Context } from './context.ts'
import { fromDisplayed, splitSnapshotPath, toSnapshotPath } from './snapshot-path.ts'

/** Where a command reads: a repository, and the folder whose history it is, if one is meant. */
export class Place {
  readonly repository: Repository
  readonly signal: AbortSignal
  readonly workingDirectory: string
  readonly now: Date

  constructor(context: Context, repository: Repository) {
    this.repository = repository
    this.signal = context.signal
    this.workingDirectory = context.workingDirectory
    this.now = context.now()
  }

  /** Newest first: those of the folder; all, when there is no folder or `all` is set. */
  snapshots(_options: { readonly all?: boolean } = {}): Promise<LoggedSnapshot[]> {
    return listSnapshots(this.repository, { signal: this.signal })
  }

  async snapshot(text: string): Promise<LoggedSnapshot> {
    return resolveSnapshot(await this.snapshots(), text, this.now)
  }

  /** What a path that the user wrote means in `logged`. */
  pathIn(logged: LoggedSnapshot, path: string): Name {
    const formerRoot = logged.snapshot.path
    return toSnapshotPath(path, { workingDirectory: this.workingDirectory, formerRoot })
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.repository.close()
    return Promise.resolve()
  }
}

/** The repository of --repository, or that of the folder one stands in. */
export async function openPlace(context: Context): Promise<Place> {
  const { repository } = context.options
  if (repository === undefined) throw new TidemarkError('missing', 'no folder yet')
  return new Place(context, await Repository.open(await openBucket(repository), { signal: context.signal }))
}

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
  for (const text of [path, fromDisplayed(path)]) {
    if (text === undefined) continue
    const name = place.pathIn(logged, text)
    const entry = await lookUp(place.repository, root, name, { signal: place.signal })
    if (entry !== undefined) return { logged, path: name, entry }
  }
  const shown = displayName(place.pathIn(logged, path))
  throw new TidemarkError('missing', `the snapshot has no ${shown} (tidemark find looks in all of them)`)
}
