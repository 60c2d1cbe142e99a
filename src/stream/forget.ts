import { renameSync } from 'node:fs'
import { sha256Hex } from '../hash/sha256.ts'
import { syncDirectory } from '../store/durable.ts'
import { stripContext } from './diff-changes.ts'
import type { StreamLayout } from './layout.ts'
import type { Listing } from './listing.ts'
import { openVersion } from './open-version.ts'
import { buildPack } from './pack.ts'
import { applyPacked, type PackFile, readPack, replayPack } from './pack-file.ts'
import type { PackedVersion } from './pack-index.ts'
import { mostVersions } from './pack-limits.ts'
import { removeIfThere, writeTemporary } from './publish.ts'
import { keptBy, type RetentionPolicy } from './retention.ts'
import { unifiedDiff } from './unified-diff.ts'
import { type NameZone, type VersionName, versionTime } from './version-name.ts'

/**
 * Which versions `policy` gives up. The states that are files of their own, and the version that the first of
 * them builds on, stay in any case: they are the newest and few.
 */
export function chooseForgotten(listing: Listing, policy: RetentionPolicy, zone: NameZone): VersionName[] {
  const { entries } = listing
  const kept = keptBy(
    policy,
    entries.map((entry) => new Date(versionTime(entry.name, zone))),
  )
  return entries
    .filter((entry, i) => !kept[i] && entry.pack !== undefined && entries[i + 1]?.pack !== undefined)
    .map((entry) => entry.name)
}

/**
 * Takes the versions `forgotten` out of their packs. Packs that have become small are joined. Each pack is
 * replaced at once, oldest first, so a break leaves some versions that should have gone, and none too few. The
 * caller holds the lock.
 */
export async function forgetVersions(
  layout: StreamLayout,
  listing: Listing,
  forgotten: ReadonlySet<VersionName>,
  zone: NameZone,
): Promise<void> {
  let before: () => Promise<Uint8Array> = nothing
  for (const group of groupPacks(listing.packs, forgotten)) {
    const kept = group.flatMap((pack) => pack.versions.filter((version) => !forgotten.has(version.name)))
    const last = kept.at(-1)
    if (
      !group.some((pack) => isTouched(pack, forgotten)) &&
      !forgotten.has(predecessor(listing, group[0]!))
    ) {
      const index = listing.entries.findIndex((entry) => entry.name === last?.name)
      before = () => openVersion(layout, listing, index)
      continue
    }
    if (last !== undefined) {
      const content = await rewrite(layout, group, forgotten, await before(), zone)
      before = () => Promise.resolve(content)
    }
    for (const pack of last === undefined ? group : group.slice(1)) removeIfThere(pack.path)
    await syncDirectory(layout.archive)
  }
}

function nothing(): Promise<Uint8Array> {
  return Promise.resolve(new Uint8Array(0))
}

function isTouched(pack: PackFile, forgotten: ReadonlySet<VersionName>): boolean {
  return pack.versions.some((version) => forgotten.has(version.name))
}

function predecessor(listing: Listing, pack: PackFile): VersionName {
  const index = listing.entries.findIndex((entry) => entry.name === pack.versions[0]!.name)
  return listing.entries[index - 1]?.name ?? ''
}

/** Neighbours that together fit one pack, when one of them is to be rewritten anyway. */
function groupPacks(packs: readonly PackFile[], forgotten: ReadonlySet<VersionName>): PackFile[][] {
  const groups: { packs: PackFile[]; size: number; touched: boolean }[] = []
  for (const pack of packs) {
    const size = pack.versions.filter((version) => !forgotten.has(version.name)).length
    const touched = isTouched(pack, forgotten)
    const group = groups.at(-1)
    if (group !== undefined && (group.touched || touched) && group.size + size <= mostVersions) {
      group.packs.push(pack)
      group.size += size
      group.touched = true
    } else groups.push({ packs: [pack], size, touched })
  }
  return groups.map((group) => group.packs)
}

/** Writes what is kept of `packs` to the place of the first; returns the content of the last version. */
async function rewrite(
  layout: StreamLayout,
  packs: readonly PackFile[],
  forgotten: ReadonlySet<VersionName>,
  before: Uint8Array,
  zone: NameZone,
): Promise<Uint8Array> {
  const versions: PackedVersion[] = []
  const diffs: Uint8Array[] = []
  let full: Uint8Array | undefined
  let content = before
  for (const pack of packs) {
    const data = await readPack(pack)
    const replay = replayPack(pack, data, 0)
    for (const [i, { name }] of pack.versions.entries()) {
      if (i > 0) applyPacked(replay, pack, data, i)
      if (forgotten.has(name)) continue
      const next = replay.bytes()
      const diff = stripContext(unifiedDiff(content, next), name)
      versions.push({ name, hash: sha256Hex(next), contentBytes: next.length, diffBytes: diff.length })
      diffs.push(diff)
      full ??= next
      content = next
    }
  }
  const times = versions.map((version) => versionTime(version.name, zone) / 1000)
  renameSync(
    await writeTemporary(layout, await buildPack({ versions, times, full: full!, diffs })),
    packs[0]!.path,
  )
  return content
}
