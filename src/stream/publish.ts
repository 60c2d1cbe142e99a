import { closeSync, linkSync, openSync, renameSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemCode } from '../errors.ts'
import { makeDirectories, syncDirectory, syncFile, syncNewFile, writeFully } from '../store/durable.ts'
import type { StreamLayout } from './layout.ts'
import { pendingPath } from './pending.ts'
import { versionsIn } from './version-files.ts'
import type { VersionName } from './version-name.ts'

/** Unfinished files lie beside `state` and `latest`, never in them, and begin so. The process that makes them follows. */
export const temporaryPrefix = '.tmp-'
export const ownTemporaries: string = `${temporaryPrefix}${process.pid}-${Date.now().toString(36)}-`
let made = 0

function temporaryPath(layout: StreamLayout): string {
  return join(layout.directory, `${ownTemporaries}${(made++).toString(36)}`)
}

/** Makes the stream's directories. Returns those that have a new entry. */
export function makeStream(layout: StreamLayout): string[] {
  return [...makeDirectories(layout.state, 0o777), ...makeDirectories(layout.latest, 0o777)]
}

/**
 * Removes a stream that was made just now and has no version, with its lock, which the caller holds, and the directories
 * above it that were made for it: what is new in `changed`, as {@link makeStream} returned that. False when it was there
 * before, or has something in it.
 */
export function removeEmptyStream(layout: StreamLayout, changed: readonly string[]): boolean {
  if (!changed.includes(dirname(layout.directory))) return false
  try {
    rmdirSync(layout.latest)
    rmdirSync(layout.state)
    unlinkSync(layout.lockFile)
  } catch {
    return false
  }
  try {
    for (let at = layout.directory; changed.includes(dirname(at)); at = dirname(at)) rmdirSync(at)
  } catch {
    // Somebody else has put something there.
  }
  return true
}

/** Writes `content` to a new temporary file; it is on the disk when the returned promise resolves. */
export async function writeTemporary(layout: StreamLayout, content: Uint8Array): Promise<string> {
  const path = temporaryPath(layout)
  await writeNew(path, content, syncFile)
  return path
}

async function writeNew(
  path: string,
  content: Uint8Array,
  force: (file: number) => Promise<void> | void,
): Promise<void> {
  const file = openSync(path, 'wx', 0o666)
  try {
    writeFully(file, content)
    await force(file)
  } catch (error) {
    removeIfThere(path)
    throw error
  } finally {
    closeSync(file)
  }
}

/** A version to be added. */
export interface Draft {
  readonly name: VersionName
  readonly content: Uint8Array
  /** Works out the diff from the version before: while the content is on its way to the disk. */
  readonly diff: () => Uint8Array
}

/**
 * Adds a version and returns its diff. Its content is on the disk before it has a name that readers look for; the diff
 * is named first, so that wherever this stops, the diffs tell how to finish it (see repair.ts); `latest.txt` changes
 * from the old version to the new one at once. The newest `retain` versions stay in `latest`.
 *
 * When this resolves the version survives a power cut: with `pending`, by its text alone (see pending.ts), which is one
 * wait for the disk in the place of two; else with all that belongs to it. When it rejects, nothing has changed; with
 * `exists` (EEXIST), the name is taken.
 */
export async function publishVersion(
  layout: StreamLayout,
  { name, content, diff: makeDiff }: Draft,
  { retain, pending }: { readonly retain: number; readonly pending: boolean },
): Promise<Uint8Array> {
  const textFile = pending ? pendingPath(layout, name, 'text', content) : temporaryPath(layout)
  const forceText = (file: number): Promise<void> =>
    pending ? syncNewFile(file, layout.directory) : syncFile(file)
  const state = join(layout.state, `${name}.txt`)
  const full = join(layout.latest, `${name}.txt`)
  const undo: string[] = []
  let diff: Uint8Array
  try {
    const writing = writeNew(textFile, content, forceText).then(() => void undo.push(textFile))
    const diffing = writeDiff()
    // Both have ended before anything is undone.
    await Promise.allSettled([writing, diffing])
    await writing
    const { made, path } = await diffing
    diff = made
    linkSync(path, state)
    undo.push(state)
    linkSync(textFile, full)
    undo.push(full)
    if (pending) linkOver(layout, textFile)
    else {
      renameSync(textFile, layout.latestFile)
      removeIfThere(path)
    }
  } catch (error) {
    for (const path of undo.toReversed()) removeIfThere(path)
    throw error
  }
  // After all has been named, so that there is nothing more to write behind it.
  const named = Promise.all((pending ? [] : [layout.state, layout.latest]).map(syncDirectory))
  retainFull(layout, retain)
  await named
  return diff

  async function writeDiff(): Promise<{ made: Uint8Array; path: string }> {
    const made = makeDiff()
    const path = pending ? pendingPath(layout, name, 'state', made) : temporaryPath(layout)
    await writeNew(path, made, pending ? () => {} : syncFile)
    undo.push(path)
    return { made, path }
  }
}

/** Puts a full copy of version `name` in `latest` and makes `latest.txt` that version. */
export async function publishFull(
  layout: StreamLayout,
  name: VersionName,
  content: Uint8Array,
): Promise<void> {
  const full = join(layout.latest, `${name}.txt`)
  const temporary = await writeTemporary(layout, content)
  renameSync(temporary, full)
  pointLatest(layout, name)
}

/** Makes `latest.txt` another name of the full copy of `name`, without a moment in which it is not there. */
export function pointLatest(layout: StreamLayout, name: VersionName): void {
  const full = join(layout.latest, `${name}.txt`)
  if (isSameFile(full, layout.latestFile)) return
  linkOver(layout, full)
}

function linkOver(layout: StreamLayout, text: string): void {
  const temporary = temporaryPath(layout)
  linkSync(text, temporary)
  renameSync(temporary, layout.latestFile)
}

/** Whether both paths name one file, as hard links. */
export function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev
}

/** Leaves the newest `retain` full copies. */
export function retainFull(layout: StreamLayout, retain: number): void {
  for (const name of versionsIn(layout.latest).slice(0, -retain))
    removeIfThere(join(layout.latest, `${name}.txt`))
}

export function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    ignoreMissing(error)
  }
}

function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error
}
