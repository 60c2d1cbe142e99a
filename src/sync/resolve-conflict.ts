import { lstatSync, renameSync, rmSync } from 'node:fs'
import type { Name } from '../bytes/name.ts'
import { displayName } from '../bytes/name.ts'
import { fromSystem, systemCode, TidemarkError } from '../errors.ts'
import { temporaryNames } from '../folder/apply/temporary-name.ts'
import { childPath } from '../folder/system/paths.ts'
import type { SystemPath } from '../folder/system/paths.ts'
import type { Entry } from '../object/entry.ts'
import { readCopyName } from './conflict-copies.ts'
import type { ConflictCopy } from './conflict-copies.ts'

/** Which version is to keep the name; or both stay, and the copy gets an ordinary name. */
export type Keep = 'original' | 'copy' | 'both'

export const keeps: readonly Keep[] = ['original', 'copy', 'both']

/** What resolving a conflict does to the working files. */
export interface Resolution {
  readonly copy: ConflictCopy
  readonly keep: Keep
  /** What is deleted: one of the two versions. */
  readonly removed: Name | undefined
  /** Where the copy goes. */
  readonly movedTo: Name | undefined
}

/** `isTaken` tells of names beside the copy that are in use. */
export function planResolution(copy: ConflictCopy, keep: Keep, isTaken: (path: Name) => boolean): Resolution {
  const { path, original } = copy
  if (keep === 'original') return { copy, keep, removed: path, movedTo: undefined }
  if (keep === 'copy') return { copy, keep, removed: original, movedTo: original }
  return { copy, keep, removed: undefined, movedTo: ordinaryPath(copy, isTaken) }
}

/** `report (laptop).txt`, with a number where that is in use. */
function ordinaryPath({ path, entry, original, host }: ConflictCopy, isTaken: (path: Name) => boolean): Name {
  const directory = path.slice(0, path.length - entry.name.length)
  const name = original.slice(directory.length)
  const extension = /.(\.[^. ]{1,31})$/su.exec(name)?.[1] ?? ''
  const stem = name.slice(0, name.length - extension.length)
  for (let n = 1; ; n++) {
    const remark = [host || 'other', ...(n === 1 ? [] : [n])].join(' ')
    const found = `${directory}${stem} (${remark})${extension}`
    if (!isTaken(found) && readCopyName(found.slice(directory.length)) === undefined) return found
  }
}

/**
 * Carries it out in the folder at `root`. Rejects `conflict`, with nothing done, when one of the versions is not what
 * it was when the conflict was found.
 */
export function resolveConflict(root: SystemPath, { copy, keep, movedTo }: Resolution): void {
  const [copied, original] = [childPath(root, copy.path), childPath(root, copy.original)]
  checkSame(copied, copy.path, copy.entry)
  checkSame(original, copy.original, copy.kept)
  try {
    if (keep === 'original') remove(copied)
    else if (keep === 'both') moveTo(copied, childPath(root, movedTo!), movedTo!)
    else if (isDirectory(copy.kept) || isDirectory(copy.entry)) replace(root, copy)
    else renameSync(copied, original)
  } catch (error) {
    throw fromSystem(error, `resolve ${displayName(copy.path)}`)
  }
}

/** A directory is not replaced in one step: what was there goes aside first. */
function replace(root: SystemPath, copy: ConflictCopy): void {
  const directory = copy.original.slice(0, copy.original.lastIndexOf('/') + 1)
  const aside = childPath(root, directory + temporaryNames()())
  const original = childPath(root, copy.original)
  renameSync(original, aside)
  try {
    renameSync(childPath(root, copy.path), original)
  } catch (error) {
    renameSync(aside, original)
    throw error
  }
  remove(aside)
}

function moveTo(from: SystemPath, to: SystemPath, path: Name): void {
  if (lstatSync(to, { throwIfNoEntry: false }) !== undefined)
    throw new TidemarkError('conflict', `${displayName(path)} is there meanwhile: try again`)
  renameSync(from, to)
}

function remove(path: SystemPath): void {
  rmSync(path, { recursive: true })
}

function isDirectory(entry: Entry): boolean {
  return entry.kind === 'directory'
}

function checkSame(path: SystemPath, name: Name, entry: Entry): void {
  let found
  try {
    found = lstatSync(path, { bigint: true })
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fromSystem(error, `look at ${displayName(name)}`)
  }
  const isSame =
    found !== undefined &&
    (entry.kind === 'directory'
      ? found.isDirectory()
      : found.mtimeNs === entry.mtimeNs && (entry.kind !== 'file' || found.size === BigInt(entry.size)))
  if (!isSame) throw new TidemarkError('conflict', `${displayName(name)} has changed meanwhile: look again`)
}
