import { linkSync, mkdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { geteuid } from 'node:process'
import type { Name } from '../../bytes/name.ts'
import { systemCode, TidemarkError } from '../../errors.ts'
import type { Entry } from '../../object/entry.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { FileStat } from '../system/file-stat.ts'
import { makeDevice, makeFifo, makeSocket } from '../system/nodes.ts'
import { childPath, systemPath } from '../system/paths.ts'
import { refusal } from '../system/refusal.ts'
import { changedMeanwhile, isAsSeen, isSameState, type Seen } from './file-job.ts'
import { carrierAt, giveMetadata } from './metadata.ts'

/** Anything that has neither content nor entries. */
export type SpecialEntry = Exclude<Entry, { kind: 'file' | 'directory' }>

/**
 * Makes a symlink, fifo, device or socket under `entry.name`, in the place of what was seen there. Returns
 * what metadata could not be set. Throws `conflict` when something else stands there by now.
 */
export function makeSpecial(
  directory: DirectoryHandle,
  entry: SpecialEntry,
  seen: Seen | undefined,
  temporary: () => Name,
): string[] {
  let lost: string[] = []
  putInPlace(directory, entry.name, seen, temporary, (name) => {
    make(directory, name, entry)
    lost = giveMetadata(
      carrierAt(directory, name),
      entry,
      geteuid?.() === 0 ? undefined : directory.stat(name),
    )
  })
  return lost
}

function make(directory: DirectoryHandle, name: Name, entry: SpecialEntry): void {
  const path = directory.path(name)
  // Until it has its owner nobody else is let in.
  const mode = entry.mode & 0o700
  switch (entry.kind) {
    case 'symlink':
      symlinkSync(systemPath(entry.target), path)
      return
    case 'fifo':
      makeFifo(path, mode)
      return
    case 'socket':
      makeSocket(path, mode)
      return
    case 'character-device':
      makeDevice(path, 'character', mode, entry)
      return
    case 'block-device':
      makeDevice(path, 'block', mode, entry)
  }
}

/** Makes `name` a further name of the file that is `target` in the directory `from`. */
export function makeLink(
  directory: DirectoryHandle,
  name: Name,
  seen: Seen | undefined,
  temporary: () => Name,
  from: DirectoryHandle,
  target: Name,
): void {
  putInPlace(directory, name, seen, temporary, (name) => {
    linkSync(from.path(target), directory.path(name))
  })
}

/**
 * Where nothing stands, the thing is made under its own name (the system refuses when something does by now);
 * else beside it, and renamed.
 */
function putInPlace(
  directory: DirectoryHandle,
  name: Name,
  seen: Seen | undefined,
  temporary: () => Name,
  make: (name: Name) => void,
): void {
  const path = childPath(directory.location, name)
  const before = directory.stat(name)
  if (!isAsSeen(before, seen)) throw new TidemarkError('conflict', changedMeanwhile)
  try {
    if (before === undefined) return make(name)
  } catch (error) {
    if (isExisting(error)) throw new TidemarkError('conflict', changedMeanwhile, { cause: error })
    throw refusal(error, 'make', path)
  }
  const beside = temporary()
  try {
    make(beside)
    if (!isSameState(directory.stat(name), before)) throw new TidemarkError('conflict', changedMeanwhile)
    directory.rename(beside, name)
  } catch (error) {
    removeIfThere(directory, beside)
    throw refusal(error, 'make', path)
  }
}

function isExisting(error: unknown): boolean {
  const origin = error instanceof TidemarkError && error.cause !== undefined ? error.cause : error
  return systemCode(origin) === 'EEXIST'
}

function removeIfThere(directory: DirectoryHandle, name: Name): void {
  try {
    unlinkSync(directory.path(name))
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}

/** Removes what was seen at `name`, no directory. Throws `conflict` when something else stands there by now. */
export function removeSeen(directory: DirectoryHandle, name: Name, seen: Seen): void {
  const now: FileStat | undefined = directory.stat(name)
  if (now === undefined) return
  if (!isAsSeen(now, seen)) throw new TidemarkError('conflict', changedMeanwhile)
  try {
    unlinkSync(directory.path(name))
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw refusal(error, 'delete', childPath(directory.location, name))
  }
}

/** Makes a directory that only its owner may enter, for as long as it is filled. */
export function makeWorkDirectory(directory: DirectoryHandle, name: Name): void {
  try {
    mkdirSync(directory.path(name), 0o700)
  } catch (error) {
    if (isExisting(error)) throw new TidemarkError('conflict', changedMeanwhile, { cause: error })
    throw refusal(error, 'make directory', childPath(directory.location, name))
  }
}
