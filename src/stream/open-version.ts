import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { corrupt, isTidemarkError, TidemarkError } from '../errors.ts'
import { readFull } from './full-copy.ts'
import type { StreamLayout } from './layout.ts'
import type { Entry, Listing } from './listing.ts'
import { isWhole } from './pending.ts'
import { readIfThere, versionsIn } from './version-files.ts'
import { readPackedVersion } from './pack-file.ts'
import { applyDiff } from './replay.ts'
import { openReplay } from './replay-kernel.ts'
import type { VersionName } from './version-name.ts'

/** What GNU diff writes in place of a diff when it takes a content for binary: the old program kept only that. */
const binaryNotice = /^Binary files .* differ\n$/

/**
 * The content of version `index` of `listing`: from its full copy, from its pack, or by replaying diffs from the
 * nearest version that is there in full.
 */
export async function openVersion(layout: StreamLayout, listing: Listing, index: number): Promise<Buffer> {
  const entry = listing.entries[index]!
  if (entry.pack !== undefined) return readPackedVersion(entry.pack, entry.at)
  const full = readFull(layout, entry.name)
  if (full !== undefined) return full
  try {
    return await replayFromNearest(layout, listing, index)
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt')) throw error
    return searchVersion(layout, listing, index)
  }
}

/** The diff of version `name`, which is a file of its own. Throws `corrupt` when it was not kept, or is pending and not whole. */
export function readState(layout: StreamLayout, { pending }: Listing, name: VersionName): Buffer {
  const path = join(layout.state, `${name}.txt`)
  if (pending.has(name)) {
    const made = pending.get(name)
    const diff = readIfThere(path)
    if (made === undefined || diff === undefined || !isWhole(made, diff))
      throw corrupt(name, 'its diff was lost before it was on the disk')
    return diff
  }
  const diff = readFileSync(path)
  if (diff.length < 4096 && binaryNotice.test(diff.toString('latin1'))) {
    throw corrupt(name, 'its diff was not kept, as it was taken for binary')
  }
  return diff
}

/** Forwards from the last packed version or the beginning, or from a full copy on either side, whichever is nearest. */
async function replayFromNearest(layout: StreamLayout, listing: Listing, index: number): Promise<Buffer> {
  const { entries } = listing
  const fulls = new Set([...versionsIn(layout.latest), ...listing.pending.keys()])
  let before = index - 1
  while (before >= 0 && entries[before]!.pack === undefined && !fulls.has(entries[before]!.name)) before--
  let behind = index + 1
  while (behind < entries.length && behind - index < index - before) {
    if (entries[behind]!.pack !== undefined) break
    if (fulls.has(entries[behind]!.name)) return checkedBack(layout, listing, behind, index)
    behind++
  }
  const base = before < 0 ? Buffer.alloc(0) : await openVersion(layout, listing, before)
  return replayOn(layout, listing, entries.slice(before + 1, index + 1), base)
}

/** So much is taken into memory at once. */
const poolLimit = 64 << 20

/** `base` after the diffs of `entries`. */
function replayOn(layout: StreamLayout, listing: Listing, entries: readonly Entry[], base: Buffer): Buffer {
  let text = base
  for (let at = 0; at < entries.length;) {
    const parts = [text]
    let size = text.length
    const from = at
    while (at < entries.length && (at === from || size < poolLimit)) {
      const diff = readState(layout, listing, entries[at++]!.name)
      parts.push(diff)
      size += diff.length
    }
    const replay = openReplay(Buffer.concat(parts), 0, text.length)
    let start = text.length
    for (const [i, diff] of parts.slice(1).entries()) {
      replay.apply(start, start + diff.length, entries[from + i]!.name, { strict: true })
      start += diff.length
    }
    text = replay.bytes()
    replay.release()
  }
  return text
}

/** Version `to`, from the full copy of the later version `from`; undefined when that is no longer kept. */
export function replayBack(
  layout: StreamLayout,
  listing: Listing,
  from: number,
  to: number,
): Buffer | undefined {
  let text = readFull(layout, listing.entries[from]!.name)
  for (let at = from; at > to && text !== undefined; at--)
    text = applyDiff(text, readState(layout, listing, listing.entries[at]!.name), { reverse: true })
  return text
}

/** The same; throws `conflict` when the copy is no longer kept, `corrupt` when the text is not that version's. */
function checkedBack(layout: StreamLayout, listing: Listing, from: number, to: number): Buffer {
  const { entries } = listing
  const text = replayBack(layout, listing, from, to)
  if (text === undefined)
    throw new TidemarkError('conflict', `${entries[from]!.name} is no longer kept in full`)
  // After a crash the old program may have written one change twice, and then this is another version's text.
  applyDiff(text, readState(layout, listing, entries[to]!.name), { reverse: true })
  return text
}

/**
 * The slow way, for histories that the old program left incomplete: contents that it took for binary, and diffs
 * that it wrote a second time after a crash. What a diff does not fit is tried on the version before.
 */
async function searchVersion(layout: StreamLayout, listing: Listing, index: number): Promise<Buffer> {
  const { entries } = listing
  let start = index
  while (start > 0 && entries[start - 1]!.pack === undefined) start--
  let text: Buffer | undefined = start === 0 ? Buffer.alloc(0) : await openVersion(layout, listing, start - 1)
  let previous: Buffer | undefined
  for (let i = start; i <= index; i++) {
    const diff = attempt(() => readState(layout, listing, entries[i]!.name))
    const onto = (base: Buffer | undefined): Buffer | undefined =>
      base === undefined || diff === undefined ? undefined : attempt(() => applyDiff(base, diff))
    const next: Buffer | undefined = readFull(layout, entries[i]!.name) ?? onto(text) ?? onto(previous)
    previous = text
    text = next
  }
  if (text !== undefined) return text
  for (let from = index + 1; from < entries.length && entries[from]!.pack === undefined; from++) {
    if (readFull(layout, entries[from]!.name) === undefined) continue
    const found = attempt(() => replayBack(layout, listing, from, index))
    if (found !== undefined) return found
  }
  throw new TidemarkError('missing', `the content of ${entries[index]!.name} was not kept`)
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (isTidemarkError(error, 'corrupt')) return undefined
    throw error
  }
}
