import { readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { displayName } from '../bytes/name.ts'
import type { Completes } from './command.ts'
import { Context } from './context.ts'
import { formatTime } from './format.ts'
import { Output } from './output.ts'
import { safeText } from './safe-text.ts'

export interface Candidate {
  readonly value: string
  readonly about: string
}

/** Which folder or repository to look in; the one of the working directory where both are absent. */
export interface Where {
  readonly folder: string | undefined
  readonly repository: string | undefined
  /** Which folder's snapshots, of those in the repository. */
  readonly of: string | undefined
}

/** At most so many are offered, and read: a press of TAB must not take long. */
const most = 200

/** What could stand in place of `word`. Never rejects: what cannot be found out is not offered. */
export async function candidatesFor(
  completes: Completes | undefined,
  word: string,
  where: Where,
): Promise<readonly Candidate[]> {
  try {
    if (completes === undefined) return []
    if (typeof completes !== 'string') return completes.map((value) => ({ value, about: '' }))
    if (completes === 'path' || completes === 'directory') return paths(word, completes === 'directory')
    if (completes === 'peer') return await peers(where)
    if (completes === 'place') return [...(await peerPlaces(word, where)), ...paths(word, true)]
    return await fromHistory(completes, word, where)
  } catch {
    return []
  }
}

/** Files and directories on disk, as the word begins. */
function paths(word: string, onlyDirectories: boolean): Candidate[] {
  const start = word.slice(0, word.lastIndexOf('/') + 1)
  const directory = start.startsWith('~/') ? homedir() + start.slice(1) : start === '' ? '.' : start
  const last = word.slice(start.length)
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.name.startsWith(last) && (last !== '' || !entry.name.startsWith('.')))
    .filter((entry) => !onlyDirectories || entry.isDirectory())
    .slice(0, most)
    .map((entry) => ({ value: start + entry.name + (entry.isDirectory() ? '/' : ''), about: '' }))
}

async function peers(where: Where): Promise<Candidate[]> {
  const { openContextFolder } = await import('./open-place.ts')
  const { readSyncSettings } = await import('../sync/sync-settings.ts')
  const folder = await openContextFolder(quietContext({ ...where, repository: undefined, of: undefined }))
  folder.close()
  const { peers } = await readSyncSettings(folder.root)
  return peers.slice(0, most).map(({ name, place }) => ({ value: name, about: safeText(place) }))
}

/** Directories are offered from the disk, so only what is elsewhere. */
async function peerPlaces(word: string, where: Where): Promise<Candidate[]> {
  const known = await peers(where).catch(() => [])
  const elsewhere = known.filter(({ about }) => about.includes('://') && about.startsWith(word))
  return elsewhere.map(({ value, about }) => ({ value: about, about: value }))
}

async function fromHistory(completes: string, word: string, where: Where): Promise<Candidate[]> {
  const { openPlace } = await import('./open-place.ts')
  using place = await openPlace(quietContext(where))
  const colon = word.indexOf(':')
  if (completes === 'snapshot-path' && colon > 0) {
    const { entriesAt } = await import('./completion-entries.ts')
    return (await entriesAt(place, word.slice(0, colon), word.slice(colon + 1), most)).map(
      ({ path, about }) => ({
        value: word.slice(0, colon + 1) + displayName(path),
        about,
      }),
    )
  }
  const snapshots = await place.snapshots()
  const tags = [...new Set(snapshots.flatMap(({ snapshot }) => snapshot.tags))].map((tag) => ({
    value: tag,
    about: 'tag',
  }))
  if (completes === 'tag') return tags.slice(0, most)
  const { shortId } = await import('../history/name-snapshot.ts')
  const ids = snapshots.slice(0, most).map(({ id, snapshot }) => ({
    value: shortId(id),
    about: `${formatTime(snapshot.time)} ${safeText(snapshot.message)}`.trim(),
  }))
  const latest = snapshots.length === 0 ? [] : [{ value: 'latest', about: 'the newest snapshot' }]
  return [...latest, ...tags, ...ids]
}

function quietContext({ folder, repository, of }: Where): Context {
  const options = {
    ...(folder === undefined ? {} : { folder }),
    ...(repository === undefined ? {} : { repository }),
    ...(of === undefined ? {} : { of }),
    json: true,
    quiet: true,
    verbose: false,
  }
  const never = { signal: AbortSignal.timeout(2000), exit: () => undefined, release: () => {} }
  return new Context(options, never, Output.standard(), Output.error())
}
