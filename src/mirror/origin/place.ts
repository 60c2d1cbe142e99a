import { lstatSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fromSystem, isTidemarkError, TidemarkError } from '../../errors.ts'
import { intervalsOf, ownDirectory, type Interval } from '../../recent/index.ts'
import { DiskShelf } from './disk-shelf.ts'
import { findIndex, type FoundIndex } from './find-index.ts'

/** Where a published tree is. */
export interface Place {
  readonly directory: string
  /** What the names of the index files begin with. */
  readonly root: string
}

/** Of a tree that is named by its directory or its principal; throws `missing`. */
export function placeOf(path: string): Place {
  try {
    const place = realpathSync(path)
    if (statSync(place).isDirectory()) return { directory: place, root: 'RECENT' }
    const found = findIndex(path)
    if (found !== undefined) return { directory: realpathSync(found.directory), root: found.root }
  } catch (error) {
    throw fromSystem(error, path)
  }
  throw new TidemarkError('missing', `${path} has no index`)
}

/** The intervals of an index. Undefined where the index that is to be made anew cannot be read. */
export function intervalsBefore({ directory, root, suffix, interval }: FoundIndex): Interval[] | undefined {
  try {
    const principal = new DiskShelf(directory, root, suffix).read(interval)
    return principal && intervalsOf(principal)
  } catch (error) {
    if (isTidemarkError(error, 'corrupt', 'unsupported', 'limit')) return undefined
    throw error
  }
}

/** Which directory it is, as text. */
export function identityOf(directory: string): string {
  const stats = lstatSync(directory, { bigint: true, throwIfNoEntry: false })
  return `${stats?.dev} ${stats?.ino}`
}

/** An unmounted disk is not an empty tree: throws `missing` when the directory is not the one of that identity any more. */
export function assertPresent(directory: string, identity: string): void {
  const isThere =
    identityOf(directory) === identity &&
    statSync(statePath(directory), { throwIfNoEntry: false }) !== undefined
  if (!isThere)
    throw new TidemarkError('missing', `${directory} is not the directory that it was: is the disk there?`)
}

/** Where the bookkeeping of a published tree is. */
export function statePath(directory: string): string {
  return join(directory, ownDirectory, 'origin.db')
}
