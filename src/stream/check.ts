import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isTidemarkError, systemCode } from '../errors.ts'
import { sha256Hex } from '../hash/sha256.ts'
import type { StreamLayout } from './layout.ts'
import type { Listing } from './listing.ts'
import { readIfThere, versionsIn } from './version-files.ts'
import { readFull } from './full-copy.ts'
import { readPack } from './pack-file.ts'
import { versionOfFile, type VersionName } from './version-name.ts'
import { walkVersions } from './walk-versions.ts'

/** What a check found. A stream is sound when there are no problems. */
export interface CheckReport {
  readonly versions: number
  /** One line each: what is wrong, and with what. */
  readonly problems: readonly string[]
  /** Files that are no part of a stream; they do no harm. */
  readonly strangers: readonly string[]
}

/**
 * Replays every version: all diffs apply, all contents match the hashes that are kept of them, the full copies are
 * what the diffs lead to, and `latest.txt` is the newest version.
 */
export async function checkStream(
  layout: StreamLayout,
  listing: Listing,
  signal?: AbortSignal,
): Promise<CheckReport> {
  const problems: string[] = []
  for (const pack of listing.packs) {
    try {
      // To the end, so that the frame's own checksum is compared too.
      await readPack(pack)
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt')) throw error
      problems.push(error.message)
    }
  }
  const hashes = new Map<VersionName, string>()
  const onLost = (name: VersionName, reason: string): void => void problems.push(`${name}: ${reason}`)
  const steps = walkVersions(layout, listing, { signal, onLost })
  for await (const { name, content } of steps) {
    try {
      hashes.set(name, sha256Hex(content()))
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt')) throw error
      problems.push(error.message)
    }
  }
  for (const name of versionsIn(layout.latest)) {
    const full = readFull(layout, name)
    const hash = hashes.get(name)
    if (full === undefined) continue
    if (hash === undefined) problems.push(`latest/${name}.txt: there is no such version`)
    else if (hash !== sha256Hex(full)) problems.push(`latest/${name}.txt: not what the diffs lead to`)
  }
  problems.push(...checkLatest(layout, listing, hashes))
  return { versions: listing.entries.length, problems, strangers: findStrangers(layout) }
}

function checkLatest(
  layout: StreamLayout,
  listing: Listing,
  hashes: ReadonlyMap<VersionName, string>,
): string[] {
  const newest = listing.entries.at(-1)?.name
  // The next writer sees to it.
  if (newest === undefined || listing.pending.has(newest)) return []
  const latest = readIfThere(layout.latestFile)
  if (latest === undefined) return ['latest.txt: not there']
  const hash = hashes.get(newest)
  return hash === undefined || hash === sha256Hex(latest)
    ? []
    : [`latest.txt: not the newest version, ${newest}`]
}

function isVersion(name: string): boolean {
  return versionOfFile(name) !== undefined
}

function findStrangers(layout: StreamLayout): string[] {
  const strange = (directory: string, isOurs: (name: string) => boolean): string[] => {
    try {
      return readdirSync(join(layout.directory, directory))
        .filter((name) => !isOurs(name))
        .map((name) => `${directory}/${name}`)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return []
      throw error
    }
  }
  return [
    ...strange('state', isVersion),
    ...strange('latest', isVersion),
    ...strange('archive', (name) => name.endsWith('.tar.zst')),
  ]
}
