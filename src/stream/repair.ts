import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isTidemarkError } from '../errors.ts'
import { isAbandoned } from '../store/temporary-file.ts'
import type { StreamLayout } from './layout.ts'
import { type Listing, versionsIn } from './listing.ts'
import { openVersion, readFull, readIfThere } from './open-version.ts'
import { isSameFile, pointLatest, publishFull, removeIfThere, temporaryPrefix } from './publish.ts'
import type { VersionName } from './version-name.ts'

/** What a writer begins with, once whatever was broken off has been finished. */
export interface Beginning {
  /** The newest version and its content; nothing, for a stream that has none. */
  readonly name: VersionName | undefined
  readonly content: Buffer
  /** A content that has no version yet and must be given one before any other: it was recorded and lost. */
  readonly unrecorded?: { readonly content: Buffer; readonly time: number }
}

/**
 * Finishes what a writer that was killed left half done, ours or the old program. The caller holds the lock.
 *
 * - A diff without its full copy: the version was being added. Its content follows from the diff, and the copy
 *   and `latest.txt` are made from it.
 * - `latest.txt` missing, or still the version before: it is pointed at the newest version.
 * - `latest.txt` with a content that no version has: the old program loses a version so when two come in one
 *   second. It is handed to the caller to be recorded.
 */
export async function finishBrokenOff(layout: StreamLayout, listing: Listing): Promise<Beginning> {
  const newest = listing.entries.at(-1)?.name
  const full = versionsIn(layout.latest).at(-1)
  if (
    newest !== undefined &&
    full === newest &&
    isSameFile(join(layout.latest, `${newest}.txt`), layout.latestFile)
  ) {
    const content = readFull(layout, newest)
    if (content !== undefined) return { name: newest, content }
  }
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

const day = 86_400_000

/** Removes the unfinished files of writers that have ended. Those of the old program tell by their age only. */
export function sweepTemporaries(layout: StreamLayout, now: number): void {
  const last = layout.name.slice(layout.name.lastIndexOf('/') + 1)
  for (const file of readdirSync(layout.directory)) {
    const path = join(layout.directory, file)
    if (file.startsWith(temporaryPrefix)) {
      if (isAbandoned(file.slice(temporaryPrefix.length))) removeIfThere(path)
    } else if (file.startsWith(last) && /^[A-Za-z0-9]{6}$/.test(file.slice(last.length))) {
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat?.isFile() === true && now - stat.mtimeMs > day) removeIfThere(path)
    }
  }
}
