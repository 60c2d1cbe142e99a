import { isTidemarkError } from '../errors.ts'
import type { StreamLayout } from './layout.ts'
import type { Entry, Listing } from './listing.ts'
import { openVersion, readState } from './open-version.ts'
import { checkPacked } from './check-packed.ts'
import { applyPacked, type PackData, type PackFile, readPack, replayPack } from './pack-file.ts'
import { applyDiff } from './replay.ts'
import { unifiedDiff } from './unified-diff.ts'
import type { VersionName } from './version-name.ts'

/** A version on a walk through a stream's history. */
export interface Step {
  readonly name: VersionName
  /**
   * The diff from the content of the step before (from nothing, for the first) to this one's, with or without
   * context. It may lie in memory that is only good until the next step.
   */
  readonly diff: Buffer
  /** The content, checked where there is a hash to check it against; only until the next step. */
  readonly content: () => Buffer
}

export interface WalkOptions {
  readonly signal?: AbortSignal | undefined
  /** Is told of versions that cannot be had; they are passed over. */
  readonly onLost?: (name: VersionName, reason: string) => void
}

/** Goes through all versions of `listing`, oldest first, reading each pack and each state once. */
export async function* walkVersions(
  layout: StreamLayout,
  listing: Listing,
  options: WalkOptions = {},
): AsyncGenerator<Step> {
  let text: Buffer = Buffer.alloc(0)
  const { entries } = listing
  for (let at = 0; at < entries.length;) {
    options.signal?.throwIfAborted()
    const end = endOfStretch(entries, at)
    try {
      let last: Step | undefined
      for await (const step of walkStretch(layout, listing, at, end, text)) yield (last = step)
      if (last !== undefined) text = last.content()
    } catch (error) {
      if (!isTidemarkError(error, 'corrupt', 'missing')) throw error
      for (const { name } of entries.slice(at, end)) options.onLost?.(name, error.message)
    }
    at = end
  }
}

/** Where the versions end that are read together with number `at`: those that follow it in its pack. */
function endOfStretch(entries: readonly Entry[], at: number): number {
  const first = entries[at]!
  let end = at + 1
  if (first.pack === undefined) return end
  for (; end < entries.length; end++) {
    const entry = entries[end]!
    if (entry.pack !== first.pack || entry.at !== first.at + end - at) break
  }
  return end
}

function walkStretch(
  layout: StreamLayout,
  listing: Listing,
  at: number,
  end: number,
  before: Buffer,
): AsyncGenerator<Step> {
  const first = listing.entries[at]!
  if (first.pack === undefined) return walkState(layout, listing, at, before)
  return walkPack(first.pack, first.at, end - at, before)
}

async function* walkPack(pack: PackFile, first: number, count: number, before: Buffer): AsyncGenerator<Step> {
  const data = await readPack(pack)
  const replay = replayPack(pack, data, first)
  for (let i = first; i < first + count; i++) {
    if (i > first) applyPacked(replay, pack, data, i)
    const content = (): Buffer => {
      const bytes = replay.bytes()
      checkPacked(pack, i, bytes)
      return bytes
    }
    const diff = diffOf(pack, data, i)
    yield { name: pack.versions[i]!.name, diff: i === first ? joint(before, content(), diff) : diff, content }
  }
}

function diffOf(pack: PackFile, data: PackData, i: number): Buffer {
  const start = data.diffs[i]!
  const { buffer, byteOffset } = data.bytes
  return Buffer.from(buffer, byteOffset + start, pack.versions[i]!.diffBytes)
}

/** `diff` if it leads from one text to the other, else one that does: what came before may be lost. */
function joint(from: Buffer, to: Buffer, diff: Buffer): Buffer {
  try {
    if (applyDiff(from, diff).equals(to)) return diff
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt')) throw error
  }
  return Buffer.from(unifiedDiff(from, to))
}

async function* walkState(
  layout: StreamLayout,
  listing: Listing,
  at: number,
  before: Buffer,
): AsyncGenerator<Step> {
  const { name } = listing.entries[at]!
  let diff: Buffer | undefined
  let content: Buffer
  try {
    diff = readState(layout, listing, name)
    content = applyDiff(before, diff)
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt')) throw error
    content = await openVersion(layout, listing, at)
    diff = Buffer.from(unifiedDiff(before, content))
  }
  yield { name, diff, content: () => content }
}
