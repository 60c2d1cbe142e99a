import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { isTidemarkError, systemCode } from '../errors.ts'
import { sha256Hex } from '../hash/sha256.ts'
import { makeDirectories, syncDirectory } from '../store/durable.ts'
import { checkPacked } from './check-packed.ts'
import { describeBackwards, describeKnown, type KnownContents, type PackedStates } from './describe-states.ts'
import type { StreamLayout } from './layout.ts'
import { type Entry, type Listing, packPath } from './listing.ts'
import { openVersion, readState } from './open-version.ts'
import { buildPack, extendPack, fullStart } from './pack.ts'
import { openPackFile, type PackFile, readBody, readPack, replayPack } from './pack-file.ts'
import { fullShare, mostFrames, mostVersions, packAfter, plainStates, smallContent } from './pack-limits.ts'
import type { PackedVersion } from './pack-index.ts'
import { applyDiff } from './replay.ts'
import { openReplay } from './replay-kernel.ts'
import { stripContext } from './diff-changes.ts'
import { unifiedDiff } from './unified-diff.ts'
import { removeIfThere, writeTemporary } from './publish.ts'
import { versionsIn } from './version-files.ts'
import { type NameZone, type VersionName, versionTime } from './version-name.ts'

/** A pack that has been made but has not yet taken the place of the states in it. */
export interface PreparedPack {
  readonly path: string
  readonly temporary: string
  /** The pack that is replaced, when the new one continues it. */
  readonly continued: PackFile | undefined
  readonly states: readonly VersionName[]
}

/**
 * Packs the older of the states that are files of their own; undefined while they are few. Nothing is changed yet
 * but for a temporary file, so the lock is not needed and others may record meanwhile.
 */
export async function preparePack(
  layout: StreamLayout,
  listing: Listing,
  zone: NameZone,
  known: KnownContents = new Map(),
): Promise<PreparedPack | undefined> {
  const { entries } = listing
  const first = entries.findLastIndex((entry) => entry.pack !== undefined) + 1
  if (entries.length - first < packAfter) return undefined
  const last = entries[first - 1]?.pack
  if (last !== undefined && hasRoom(last.versions)) {
    const added = entries.slice(first, -plainStates)
    const body = readBody(last)
    const fewFrames = body.count < mostFrames && last.versions.length + added.length < mostVersions
    if (fewFrames) {
      const extended =
        describeKnown(layout, listing, added, known) ??
        describeBackwards(layout, listing, entries.slice(first), last.versions.at(-1)!, plainStates)
      if (extended !== undefined) return extendWith(layout, last, body.frames, extended, zone)
    }
    const begun = await continuePack(last)
    takeStates(layout, listing, begun, added, known)
    if (fewFrames && begun.states.length > 0) {
      const count = begun.states.length
      const states = { versions: begun.versions.slice(-count), diffs: begun.diffs.slice(-count) }
      return extendWith(layout, last, body.frames, states, zone)
    }
    if (begun.states.length > 0) return finishPack(layout, begun, zone, last)
  }
  // A state that does not fit what comes before it, or whose content was not kept, is left by a history that the
  // old program broke: the one begins a new pack, the other stays as it is.
  for (let at = first; entries.length - at >= packAfter; at++) {
    const begun = await beginPack(layout, listing, at)
    if (begun === undefined) continue
    takeStates(layout, listing, begun, entries.slice(at + 1, -plainStates), known)
    return finishPack(layout, begun, zone)
  }
  return undefined
}

/** `pack`, whose frames are `frames`, with more states in a frame of their own. */
async function extendWith(
  layout: StreamLayout,
  pack: PackFile,
  frames: Uint8Array,
  states: PackedStates,
  zone: NameZone,
): Promise<PreparedPack> {
  const versions = [...pack.versions, ...states.versions]
  const times = versions.map((version) => versionTime(version.name, zone) / 1000)
  const packed = await extendPack(frames, { versions, times, diffs: states.diffs })
  const temporary = await writeTemporary(layout, packed)
  return { path: pack.path, temporary, continued: pack, states: states.versions.map(({ name }) => name) }
}

/** A pack in the making, and the content of its newest version. */
interface OpenPack {
  readonly versions: PackedVersion[]
  readonly full: Uint8Array
  readonly diffs: Uint8Array[]
  readonly states: VersionName[]
  readonly text: Uint8Array
}

function hasRoom(versions: readonly PackedVersion[]): boolean {
  const size = versions.reduce((sum, version) => sum + version.diffBytes, 0)
  return (
    versions.length < mostVersions && size < Math.max(smallContent, fullShare * versions[0]!.contentBytes)
  )
}

async function continuePack(pack: PackFile): Promise<OpenPack> {
  const last = pack.versions.length - 1
  const data = await readPack(pack)
  const replay = replayPack(pack, data, last)
  const text = replay.bytes()
  replay.release()
  checkPacked(pack, last, text)
  return {
    versions: [...pack.versions],
    full: data.bytes.subarray(fullStart, fullStart + pack.versions[0]!.contentBytes),
    diffs: data.diffs.map((start, i) => data.bytes.subarray(start, start + pack.versions[i]!.diffBytes)),
    states: [],
    text,
  }
}

/** A pack that begins with version number `at`; undefined when its content was not kept. */
async function beginPack(layout: StreamLayout, listing: Listing, at: number): Promise<OpenPack | undefined> {
  const { name } = listing.entries[at]!
  try {
    const full = await openVersion(layout, listing, at)
    const diff = stripContext(await ownDiff(layout, listing, at, full), name)
    const version = { name, hash: sha256Hex(full), contentBytes: full.length, diffBytes: diff.length }
    return { versions: [version], full, diffs: [diff], states: [name], text: full }
  } catch (error) {
    if (isTidemarkError(error, 'corrupt', 'missing')) return undefined
    throw error
  }
}

/** The diff of version number `at`, or one made anew when what is there does not lead to `content`. */
async function ownDiff(
  layout: StreamLayout,
  listing: Listing,
  at: number,
  content: Buffer,
): Promise<Uint8Array> {
  try {
    const diff = readState(layout, listing, listing.entries[at]!.name)
    applyDiff(content, diff, { reverse: true })
    return diff
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt')) throw error
    return unifiedDiff(await contentBefore(layout, listing, at), content)
  }
}

/** What came before version number `at`, as far as it was kept. */
async function contentBefore(layout: StreamLayout, listing: Listing, at: number): Promise<Uint8Array> {
  if (at === 0) return new Uint8Array(0)
  try {
    return await openVersion(layout, listing, at - 1)
  } catch (error) {
    if (isTidemarkError(error, 'corrupt', 'missing')) return new Uint8Array(0)
    throw error
  }
}

/** Adds to `pack` the states of `entries`, in order, as many as fit it and each other. */
function takeStates(
  layout: StreamLayout,
  listing: Listing,
  pack: OpenPack,
  entries: readonly Entry[],
  known: KnownContents,
): void {
  const diffs: Buffer[] = []
  for (const { name } of entries) {
    const diff = ifSound(() => readState(layout, listing, name))
    if (diff === undefined) break
    diffs.push(diff)
  }
  const replay = openReplay(Buffer.concat([pack.text, ...diffs]), 0, pack.text.length)
  let start = pack.text.length
  for (const [i, diff] of diffs.entries()) {
    const { name } = entries[i]!
    const fits = ifSound(() => {
      replay.apply(start, start + diff.length, name, { strict: true })
      return true
    })
    if (fits !== true || !hasRoom(pack.versions)) return
    start += diff.length
    const packed = stripContext(diff, name)
    pack.versions.push({ name, ...(known.get(name) ?? describe(replay.bytes())), diffBytes: packed.length })
    pack.diffs.push(packed)
    pack.states.push(name)
  }
}

function describe(content: Uint8Array): { hash: string; contentBytes: number } {
  return { hash: sha256Hex(content), contentBytes: content.length }
}

function ifSound<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return undefined
    throw error
  }
}

async function finishPack(
  layout: StreamLayout,
  { versions, full, diffs, states }: OpenPack,
  zone: NameZone,
  continued?: PackFile,
): Promise<PreparedPack> {
  const times = versions.map((version) => versionTime(version.name, zone) / 1000)
  const temporary = await writeTemporary(layout, await buildPack({ versions, times, full, diffs }))
  return { path: continued?.path ?? packPath(layout, versions[0]!.name), temporary, continued, states }
}

/**
 * Puts a prepared pack in its place and removes the states that are in it. The caller holds the lock. When the
 * pack that it continues was replaced meanwhile, it is dropped; false then.
 */
export async function installPack(layout: StreamLayout, prepared: PreparedPack): Promise<boolean> {
  const { continued, path, temporary } = prepared
  if (!isStillThere(continued, path)) {
    removeIfThere(temporary)
    return false
  }
  const changed = makeDirectories(layout.archive, 0o777)
  renameSync(temporary, path)
  await Promise.all([layout.archive, ...changed].map(syncDirectory))
  for (const name of prepared.states) removeIfThere(join(layout.state, `${name}.txt`))
  return true
}

function isStillThere(continued: PackFile | undefined, path: string): boolean {
  try {
    return openPackFile(path, continued) === continued
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return continued === undefined
    throw error
  }
}

/** Removes states that are in a pack as well: their writer was killed before it could, or someone unpacked them. */
export function removePackedStates(layout: StreamLayout, listing: Listing): void {
  const packed = new Set(
    listing.entries.filter((entry) => entry.pack !== undefined).map((entry) => entry.name),
  )
  for (const name of versionsIn(layout.state))
    if (packed.has(name)) removeIfThere(join(layout.state, `${name}.txt`))
}
