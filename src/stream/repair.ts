import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isTidemarkError } from '../errors.ts'
import type { StreamLayout } from './layout.ts'
import { type Listing, listVersions } from './listing.ts'
import { versionsIn } from './version-files.ts'
import { readFull, readIfThere } from './full-copy.ts'
import { openVersion } from './open-version.ts'
import type { Beginning } from './begin.ts'
import { pointLatest, publishFull } from './publish.ts'

/**
 * Finishes what a writer that was killed left half done, ours or the old program. The caller holds the lock.
 *
 * - A diff without its full copy: the version was being added. Its content follows from the diff, and the copy
 *   and `latest.txt` are made from it.
 * - `latest.txt` missing, or still the version before: it is pointed at the newest version.
 * - `latest.txt` with a content that no version has: the old program loses a version so when two come in one
 *   second. It is handed to the caller to be recorded.
 */
export async function finishBrokenOff(layout: StreamLayout): Promise<Beginning> {
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

  const content = await openVersion(layout, listing, listing.entries.length - 1)
  const stale = named === undefined || named.equals(content) || (await isBefore(layout, listing, named))
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

/** Whether `content` is that of the last version but one, or empty when there is only one. */
async function isBefore(layout: StreamLayout, listing: Listing, content: Buffer): Promise<boolean> {
  const before = listing.entries.length - 2
  if (before < 0) return content.length === 0
  try {
    return content.equals(await openVersion(layout, listing, before))
  } catch (error) {
    if (isTidemarkError(error, 'corrupt', 'missing')) return false
    throw error
  }
}
