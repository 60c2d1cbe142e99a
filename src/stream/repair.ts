import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isTidemarkError } from '../errors.ts'
import type { StreamLayout } from './layout.ts'
import { type Listing, listVersions } from './listing.ts'
import { readIfThere, versionsIn } from './version-files.ts'
import { readFull } from './full-copy.ts'
import { openVersion } from './open-version.ts'
import type { Beginning } from './begin.ts'
import { finishStates, settleVersions } from './settle.ts'
import { pointLatest, publishFull, removeIfThere } from './publish.ts'
import { compareVersions, type NameZone } from './version-name.ts'

/**
 * Finishes what a writer that was killed left half done, ours or the old program. The caller holds the lock.
 *
 * - A version that is pending (see pending.ts): what it lacks is made from its text.
 * - A diff without its full copy: the version was being added. Its content follows from the diff, and the copy
 *   and `latest.txt` are made from it.
 * - `latest.txt` missing, or still the version before: it is pointed at the newest version.
 * - `latest.txt` with a content that no version has: the old program loses a version so when two come in one
 *   second. It is handed to the caller to be recorded.
 */
export async function finishBrokenOff(layout: StreamLayout, zone: NameZone): Promise<Beginning> {
  await finishStates(layout, zone)
  const beginning = await finishNames(layout)
  await settleVersions(layout)
  return beginning
}

/** The full copy, and `latest.txt`. */
async function finishNames(layout: StreamLayout): Promise<Beginning> {
  const listing = listVersions(layout)
  const newest = listing.entries.at(-1)?.name
  const full = versionsIn(layout.latest).at(-1)
  const named = readIfThere(layout.latestFile)
  if (newest === undefined) {
    const lost = named ?? (full === undefined ? undefined : readFull(layout, full))
    if (lost === undefined || lost.length === 0) return { name: undefined, content: Buffer.alloc(0) }
    const time = statSync(
      named === undefined ? join(layout.latest, `${full!}.txt`) : layout.latestFile,
    ).mtimeMs
    return { name: undefined, content: Buffer.alloc(0), unrecorded: { content: lost, time } }
  }

  // Of a version that was never reported: a power cut left this name of it and not the other.
  for (const name of versionsIn(layout.latest))
    if (compareVersions(name, newest) > 0) removeIfThere(join(layout.latest, `${name}.txt`))
  const content = await openVersion(layout, listing, listing.entries.length - 1)
  const stale = named === undefined || named.equals(content) || (await isEarlier(layout, listing, named))
  if (!stale)
    return {
      name: newest,
      content,
      unrecorded: { content: named, time: statSync(layout.latestFile).mtimeMs },
    }
  if (full === newest) pointLatest(layout, newest)
  else await publishFull(layout, newest, content)
  return { name: newest, content }
}

/**
 * Whether `content` is that of the last version but one, or of the last before those that are pending, or of one of these;
 * or it is empty, and there was none.
 */
async function isEarlier(layout: StreamLayout, listing: Listing, content: Buffer): Promise<boolean> {
  const last = listing.entries.length - 1
  for (let at = last - 1; at >= last - Math.max(1, listing.pending.size); at--) {
    if (at < 0) return content.length === 0
    try {
      if (content.equals(await openVersion(layout, listing, at))) return true
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt', 'missing')) throw error
    }
  }
  return false
}
