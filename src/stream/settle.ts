import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { isTidemarkError } from '../errors.ts'
import type { StreamLayout } from './layout.ts'
import { type Listing, listVersions } from './listing.ts'
import { openVersion, readState, replayBack } from './open-version.ts'
import { forceVersions, type PendingFile, pendingIn } from './pending.ts'
import { removeIfThere, writeTemporary } from './publish.ts'
import { unifiedDiff } from './unified-diff.ts'
import { versionsIn } from './version-files.ts'
import {
  compareVersions,
  nextVersionName,
  type NameZone,
  type VersionName,
  versionTime,
} from './version-name.ts'

/**
 * Forces to the disk what belongs to the versions that are pending, whose files are as they should be, and ends that they
 * are. The caller holds the lock.
 */
export async function settleVersions(layout: StreamLayout): Promise<void> {
  const pending = pendingIn(layout)
  if (pending.length === 0) return
  await forceVersions(layout, new Set(pending.map(({ name }) => name)))
  removePending(pending)
}

/** Ends that the versions in `packed` are pending: the pack that they are in has been forced to the disk. */
export function settlePacked(layout: StreamLayout, packed: readonly VersionName[]): void {
  const names = new Set(packed)
  removePending(pendingIn(layout).filter(({ name }) => names.has(name)))
}

/** The texts last: as long as one is there, so is what tells whether its state is sound. */
function removePending(files: readonly PendingFile[]): void {
  for (const kind of ['text', 'state'])
    for (const file of files) if (file.kind === kind) removeIfThere(file.path)
}

/**
 * Makes the states of the versions that are pending what they should be, after a power cut: they may not be there, or be
 * there in part. The caller holds the lock.
 */
export async function finishStates(layout: StreamLayout, zone: NameZone): Promise<void> {
  const files = pendingIn(layout)
  if (files.length === 0) return
  const listing = listVersions(layout)
  removePending(files.filter(({ name }) => !listing.pending.has(name)))
  for (const [at, { name }] of listing.entries.entries()) {
    if (!listing.pending.has(name)) continue
    const content = await openVersion(layout, listing, at)
    if (!isSound(layout, listing, name)) {
      const before = at === 0 ? new Uint8Array(0) : await openVersion(layout, listing, at - 1)
      await writeState(layout, name, unifiedDiff(before, content))
    }
    await leadOn(layout, listing, at, content, zone)
  }
}

function isSound(layout: StreamLayout, listing: Listing, name: VersionName): boolean {
  try {
    readState(layout, listing, name)
    return true
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return false
    throw error
  }
}

async function writeState(layout: StreamLayout, name: VersionName, diff: Uint8Array): Promise<void> {
  renameSync(await writeTemporary(layout, diff), join(layout.state, `${name}.txt`))
}

/**
 * The old program, which knows nothing of what is pending, may have gone on from an older `latest.txt`: then a version is
 * put in that leads from `content`, which is that of version number `at`, to what the next diff builds on.
 */
async function leadOn(
  layout: StreamLayout,
  listing: Listing,
  at: number,
  content: Uint8Array,
  zone: NameZone,
): Promise<void> {
  const { name } = listing.entries[at]!
  const next = listing.entries[at + 1]
  if (next === undefined || listing.pending.has(next.name)) return
  const base = textBefore(layout, listing, at + 1)
  if (base === undefined || base.equals(content)) return
  const between = nextVersionName(versionTime(name, zone), name, zone)
  if (compareVersions(between, next.name) < 0) await writeState(layout, between, unifiedDiff(content, base))
}

/** What the diff of version number `index` builds on, from the first full copy at or behind it. */
function textBefore(layout: StreamLayout, listing: Listing, index: number): Buffer | undefined {
  const fulls = new Set(versionsIn(layout.latest))
  const from = listing.entries.findIndex(({ name }, at) => at >= index && fulls.has(name))
  if (from < 0) return undefined
  try {
    return replayBack(layout, listing, from, index - 1)
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return undefined
    throw error
  }
}
