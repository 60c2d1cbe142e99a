import { rmdirSync, unlinkSync } from 'node:fs'
import { displayName, type Name } from '../../bytes/name.ts'
import { isTidemarkError, systemCode, TidemarkError } from '../../errors.ts'
import type { OpenDirectories } from '../../folder/apply/open-directories.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { childPath } from '../../folder/system/paths.ts'
import { refusal } from '../../folder/system/refusal.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'

/** Removes what is at `path`; a directory only when it is empty. False when nothing was removed. */
export function removeEntry(directories: OpenDirectories, path: Name): boolean {
  let directory: DirectoryHandle
  try {
    directory = directories.get(directoryOf(path))
  } catch (error) {
    if (isTidemarkError(error, 'missing', 'conflict')) return false
    throw error
  }
  const stat = directory.stat(nameOf(path))
  if (stat === undefined) return false
  if (stat.kind === 'directory') return removeDirectory(directories, path)
  try {
    unlinkSync(directory.path(nameOf(path)))
    return true
  } catch (error) {
    throw refusal(error, 'delete', childPath(directory.location, nameOf(path)))
  }
}

/** False when it is not empty, or not there. */
export function removeDirectory(directories: OpenDirectories, path: Name): boolean {
  directories.forget(path)
  try {
    rmdirSync(directories.get(directoryOf(path)).path(nameOf(path)))
    return true
  } catch (error) {
    if (isTidemarkError(error, 'missing', 'conflict')) return false
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EBUSY'].includes(systemCode(error) ?? '')) return false
    throw refusal(error, 'remove directory', path)
  }
}

/**
 * Makes way for a file or link: a directory at `path` goes, when all that is in it may be removed (else `conflict`).
 * True when there was one.
 */
export function makeWay(
  directories: OpenDirectories,
  path: Name,
  mayRemove: (path: Name) => boolean,
): boolean {
  const directory = directories.get(directoryOf(path))
  if (directory.stat(nameOf(path))?.kind !== 'directory') return false
  emptyDirectory(directories, path, mayRemove)
  directories.forget(path)
  try {
    rmdirSync(directory.path(nameOf(path)))
    return true
  } catch (error) {
    throw refusal(error, 'remove directory', childPath(directory.location, nameOf(path)))
  }
}

function emptyDirectory(directories: OpenDirectories, path: Name, mayRemove: (path: Name) => boolean): void {
  for (const name of directories.get(path).names()) {
    const below = `${path}/${name}`
    const isDirectory = directories.get(path).stat(name)?.kind === 'directory'
    if (!isDirectory && !mayRemove(below)) {
      const what = `a directory stands in its place, with ${displayName(below)} in it`
      throw new TidemarkError('conflict', `${displayName(path)}: ${what}`)
    }
    if (isDirectory) {
      emptyDirectory(directories, below, mayRemove)
      directories.forget(below)
      rmdirSync(directories.get(path).path(name))
    } else unlinkSync(directories.get(path).path(name))
  }
}
