import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { StreamLayout } from './layout.ts'
import { pendingPrefix } from './pending.ts'
import { isSameFile, ownTemporaries, removeIfThere, temporaryPrefix } from './publish.ts'
import { readIfThere, versionsIn } from './version-files.ts'
import type { NameZone, VersionName } from './version-name.ts'

/** What a writer begins with, once whatever was broken off has been finished. */
export interface Beginning {
  /** The newest version and its content; nothing, for a stream that has none. */
  readonly name: VersionName | undefined
  readonly content: Buffer
  /** A content that has no version yet and must be given one before any other: it was recorded and lost. */
  readonly unrecorded?: { readonly content: Buffer; readonly time: number }
}

/** Makes a stream ready for its next version. The caller holds the lock. */
export async function beginWriting(layout: StreamLayout, now: number, zone: NameZone): Promise<Beginning> {
  const isSettled = sweepTemporaries(layout, now)
  const name = versionsIn(layout.state).at(-1)
  const full = join(layout.latest, `${name}.txt`)
  // As a writer leaves it: the newest version is a state, a full copy, and latest.txt. It has none that are packed only.
  if (
    isSettled &&
    name !== undefined &&
    versionsIn(layout.latest).at(-1) === name &&
    isSameFile(full, layout.latestFile)
  ) {
    const content = readIfThere(full)
    if (content !== undefined) return { name, content }
  }
  const { finishBrokenOff } = await import('./repair.ts')
  return finishBrokenOff(layout, zone)
}

const day = 86_400_000

/**
 * Removes unfinished files of other writers: they have ended, as the lock is ours. (One may still be making a pack:
 * it will do so another time.) Those of the old program, which knows no lock, tell by their age only. False when
 * something is pending.
 */
function sweepTemporaries(layout: StreamLayout, now: number): boolean {
  let isSettled = true
  const last = layout.name.slice(layout.name.lastIndexOf('/') + 1)
  for (const file of readdirSync(layout.directory)) {
    const path = join(layout.directory, file)
    if (file.startsWith(pendingPrefix)) isSettled = false
    else if (file.startsWith(temporaryPrefix)) {
      if (!file.startsWith(ownTemporaries)) removeIfThere(path)
    } else if (file.startsWith(last) && /^[A-Za-z0-9]{6}$/.test(file.slice(last.length))) {
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat?.isFile() === true && now - stat.mtimeMs > day) removeIfThere(path)
    }
  }
  return isSettled
}
