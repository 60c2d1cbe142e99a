import { dirname } from 'node:path'
import { sortNames } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import { isTemporaryName } from '../apply/temporary-name.ts'
import { ownDirectory } from '../own-directory.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import { childPath } from '../system/paths.ts'
import { joinPath } from '../../tree/path.ts'
import { cacheTag, isCacheDirectory } from './cache-directory.ts'
import type { Directory } from './directory.ts'
import { IgnoreRules, rulesFile } from './ignore-rules.ts'
import type { ScanOptions } from './scan.ts'

/** The sorted names of a directory that are to be kept, and the directory with the rules in force in it. */
export function keptNames(
  directory: Directory,
  handle: DirectoryHandle,
  { excluded, watch }: ScanOptions,
): [Name[], Directory] {
  const { path, relative, ino } = directory
  // Before the names are read, so that whatever appears after that is told of.
  watch?.enter({ path, relative, ino })
  let names = handle.names()
  const { rules } = names.includes(rulesFile) ? withOwnRules(directory, handle) : directory
  if (rules !== IgnoreRules.none) watch?.heed(relative, rules)
  if (names.includes(cacheTag) && isCacheDirectory(handle)) {
    names = [cacheTag]
    watch?.heed(relative, IgnoreRules.everything)
  }
  if (names.some(isOwn)) names = names.filter((name) => !isOwn(name))
  for (const other of excluded) {
    if (dirname(other) === String(path)) names = names.filter((name) => childPath(path, name) !== other)
  }
  if (rules !== IgnoreRules.none)
    names = names.filter((name) => !rules.ignores(joinPath(relative, name), isDirectory(handle, name)))
  sortNames(names)
  return [names, { ...directory, rules }]
}

/** The folder's bookkeeping, and what a restore has under way or has left behind. */
function isOwn(name: Name): boolean {
  return name.startsWith(ownDirectory) && (name === ownDirectory || isTemporaryName(name))
}

/** What cannot be looked at is told of when its turn comes. */
function isDirectory(handle: DirectoryHandle, name: Name): boolean {
  try {
    return handle.stat(name)?.kind === 'directory'
  } catch {
    return false
  }
}

/** The directory with the rules of its own rules file in force, if it has one. */
export function withOwnRules(directory: Directory, handle: DirectoryHandle): Directory {
  return { ...directory, rules: directory.rules.enter(handle, directory.relative) }
}
