import { join } from 'node:path'
import { systemCode } from '../errors.ts'
import type { StreamLayout } from './layout.ts'
import { openPackFile, type PackFile } from './pack-file.ts'
import { type PendingFile, pendingIn, readPendingText } from './pending.ts'
import { namesIn, versionsIn } from './version-files.ts'
import { compareVersions, type VersionName } from './version-name.ts'

/** Where a version's diff is: in a pack, or a file of its own in `state`. */
export type Entry =
  | { readonly name: VersionName; readonly pack: PackFile; readonly at: number }
  | { readonly name: VersionName; readonly pack?: undefined }

/** What a stream holds at a moment. */
export interface Listing {
  /** Every version, oldest first. */
  readonly entries: readonly Entry[]
  readonly packs: readonly PackFile[]
  /** The newest versions, as far as they are pending, each with what is known of its state, which need not be that. */
  readonly pending: ReadonlyMap<VersionName, PendingFile | undefined>
}

const packSuffix = '.tar.zst'

/**
 * Lists the versions of a stream; none when it does not exist. `known` are packs whose indexes need not be read
 * again. Writers need not be held off: a version that is just being packed is found in one place or the other.
 */
export function listVersions(layout: StreamLayout, known: readonly PackFile[] = []): Listing {
  // The writer adds the pack before it removes the states: read in the opposite order.
  const states = versionsIn(layout.state)
  const packs = listPacks(layout, known)
  const entries: Entry[] = []
  for (const pack of packs)
    for (const [at, { name }] of pack.versions.entries()) entries.push({ name, pack, at })
  for (const name of states) entries.push({ name })
  // Stable: what is in a pack comes before the same version's state, and before a later pack.
  entries.sort((a, b) => compareVersions(a.name, b.name))
  const pending = pendingVersions(layout, states, entries.findLast((entry) => entry.pack !== undefined)?.name)
  if (pending.keys().some((name) => !states.includes(name))) {
    for (const name of pending.keys()) entries.push({ name })
    entries.sort((a, b) => compareVersions(a.name, b.name))
  }
  return {
    entries: entries.filter((entry, i) => i === 0 || entries[i - 1]!.name !== entry.name),
    packs,
    pending,
  }
}

/**
 * The versions that are pending. One that has a state was whole before it had; another one may have been broken off. What is
 * not behind the newest packed version, `packed`, is no longer pending: its files came back by a power cut.
 */
function pendingVersions(
  layout: StreamLayout,
  states: readonly VersionName[],
  packed: VersionName | undefined,
): Map<VersionName, PendingFile | undefined> {
  const files = pendingIn(layout)
  const pending = new Map<VersionName, PendingFile | undefined>()
  for (const { kind, name } of files) {
    if (kind !== 'text' || (packed !== undefined && compareVersions(name, packed) <= 0)) continue
    if (!states.includes(name) && readPendingText(layout, name) === undefined) continue
    const made = files.find((file) => file.kind === 'state' && file.name === name)
    pending.set(name, made)
  }
  return pending
}

function listPacks(layout: StreamLayout, known: readonly PackFile[]): PackFile[] {
  const packs: PackFile[] = []
  for (const name of namesIn(layout.archive).filter((name) => name.endsWith(packSuffix))) {
    const path = join(layout.archive, name)
    try {
      packs.push(
        openPackFile(
          path,
          known.find((pack) => pack.path === path),
        ),
      )
    } catch (error) {
      // Joined with another pack between the two looks: its versions are there.
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  return packs
}

/** The path of the pack that begins with version `first`. */
export function packPath(layout: StreamLayout, first: VersionName): string {
  return join(layout.archive, first + packSuffix)
}
