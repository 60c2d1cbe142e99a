import { isTidemarkError } from '../errors.ts'
import { sha256Hex } from '../hash/sha256.ts'
import { stripContext } from './diff-changes.ts'
import { readFull } from './full-copy.ts'
import type { StreamLayout } from './layout.ts'
import type { Entry, Listing } from './listing.ts'
import { readState } from './open-version.ts'
import type { PackedVersion } from './pack-index.ts'
import { openReplay } from './replay-kernel.ts'
import type { VersionName } from './version-name.ts'

/** What the writer remembers of contents that it recorded, so that they need not be put together again. */
export type KnownContents = ReadonlyMap<VersionName, { readonly hash: string; readonly contentBytes: number }>

/** States as they are in a pack. */
export interface PackedStates {
  readonly versions: readonly PackedVersion[]
  readonly diffs: readonly Uint8Array[]
}

/** The states of `entries` for a pack; undefined when they are not known to fit and must be tried. */
export function describeKnown(
  layout: StreamLayout,
  listing: Listing,
  entries: readonly Entry[],
  known: KnownContents,
): PackedStates | undefined {
  if (!entries.every(({ name }) => known.has(name))) return undefined
  const diffs = entries.map(({ name }) => stripContext(readState(layout, listing, name), name))
  const versions = entries.map(({ name }, i) => ({ name, ...known.get(name)!, diffBytes: diffs[i]!.length }))
  return { versions, diffs }
}

/**
 * The states of `entries` but for the newest `plain`, which follow version `before`, for the pack that ends with that one.
 * Their contents are had from the newest version, backwards, which is no further than there are states, while the pack may be long.
 * Undefined when that does not lead to the content of `before`.
 */
export function describeBackwards(
  layout: StreamLayout,
  listing: Listing,
  entries: readonly Entry[],
  before: PackedVersion,
  plain: number,
): PackedStates | undefined {
  const newest = readFull(layout, entries.at(-1)!.name)
  if (newest === undefined) return undefined
  try {
    const states = entries.map(({ name }) => readState(layout, listing, name))
    const pool = Buffer.concat([newest, ...states])
    const replay = openReplay(pool, 0, newest.length)
    const versions: PackedVersion[] = []
    const diffs: Uint8Array[] = []
    let content = newest
    for (let end = pool.length, i = entries.length - 1; i >= 0; i--) {
      const { name } = entries[i]!
      if (i < entries.length - plain) {
        const diff = stripContext(states[i]!, name)
        const hash = sha256Hex(content)
        versions.unshift({ name, hash, contentBytes: content.length, diffBytes: diff.length })
        diffs.unshift(diff)
      }
      const start = end - states[i]!.length
      replay.apply(start, end, name, { strict: true, reverse: true })
      if (i <= entries.length - plain) content = replay.bytes()
      end = start
    }
    replay.release()
    return sha256Hex(content) === before.hash ? { versions, diffs } : undefined
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return undefined
    throw error
  }
}
