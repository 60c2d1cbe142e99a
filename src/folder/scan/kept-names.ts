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

/** The names of a directory that are to be kept. */
export interface KeptNames {
  /** Sorted. */
  readonly names: Name[]
  /** The directory, with the rules in force in it. */
  readonly directory: Directory
  /** It holds what is left out. */
  readonly leavesSome: boolean
  /** Whether something of that name, which need not be there, is left out. */
  readonly isLeftOut: (name: Name, isDirectory: boolean) => boolean
}

export function keptNames(directory: Directory, handle: DirectoryHandle, options: ScanOptions): KeptNames {
  const { excluded, watch, carry, placed } = options
  const { path, relative, ino } = directory
  // Before the names are read, so that whatever appears after that is told of.
  watch?.enter({ path, relative, ino })
  let names = handle.names()
  const current = names.includes(rulesFile) ? withOwnRules(directory, handle) : directory
  const { rules } = current
  if (rules !== IgnoreRules.none) watch?.heed(relative, rules)
  const isCache = names.includes(cacheTag) && isCacheDirectory(handle)
  const count = names.length
  if (isCache) {
    names = [cacheTag]
    watch?.heed(relative, IgnoreRules.everything)
  }
  if (names.some(isOwn)) names = names.filter((name) => !isOwn(name))
  const own = count - names.length
  const isExcluded = exclusion(path, excluded)
  if (isExcluded) names = names.filter((name) => !isExcluded(name))
  const selected = carry?.selected
  if (rules !== IgnoreRules.none || selected !== undefined) {
    names = names.filter((name) => {
      const [path, isBelow] = [joinPath(relative, name), isDirectory(handle, name)]
      if (!rules.ignores(path, isBelow) && selected?.(path, isBelow) !== false) return true
      // It came together with the rules that leave it out.
      return carry !== undefined && placed?.has(relative, name) === true
    })
  }
  sortNames(names)
  const isLeftOut = (name: Name, isDirectory: boolean): boolean => {
    const path = joinPath(relative, name)
    return (
      isOwn(name) ||
      (isCache && name !== cacheTag) ||
      isExcluded?.(name) === true ||
      rules.ignores(path, isDirectory) ||
      selected?.(path, isDirectory) === false
    )
  }
  return { names, directory: current, leavesSome: isCache || count - own > names.length, isLeftOut }
}

/** Which names in the directory `path` are no part of the folder; undefined when none is. */
function exclusion(
  path: Directory['path'],
  excluded: ReadonlySet<string>,
): ((name: Name) => boolean) | undefined {
  const here = [...excluded].filter((other) => dirname(other) === String(path))
  return here.length === 0 ? undefined : (name) => here.includes(String(childPath(path, name)))
}

/** The folder's bookkeeping, and what a restore has under way or has left behind. */
export function isOwn(name: Name): boolean {
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
