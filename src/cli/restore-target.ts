import { realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { systemCode, TidemarkError } from '../errors.ts'
import { ownDirectory } from '../folder/own-directory.ts'
import { DirectoryBucket } from '../store/directory-bucket.ts'
import type { Place } from './place.ts'

/**
 * The directory that `--to` names, as an absolute path. Throws `usage` where restoring there could spoil what
 * it is restored from: in the folder itself, whose rules of what to leave alone `--in-place` knows; in the
 * repository or the bookkeeping of a folder; and, when what is not in the snapshot is deleted, around either of them.
 */
export function restoreTarget(place: Place, workingDirectory: string, to: string, deletes: boolean): string {
  const target = resolve(workingDirectory, to)
  const real = realPath(target)
  const root = place.folder?.root
  if (root !== undefined && real === realPath(root))
    throw new TidemarkError('usage', `${to} is the folder itself: use --in-place instead of --to`)
  const { bucket } = place.repository
  const kept = [root, bucket instanceof DirectoryBucket ? bucket.root : undefined]
  for (const path of kept.filter((path) => path !== undefined).map(realPath)) {
    if (path !== root && isInside(real, path))
      throw new TidemarkError('usage', `${to} is in the repository: restore somewhere else`)
    if (deletes && isInside(path, real))
      throw new TidemarkError('usage', `${to} holds ${path}, which --delete would delete: leave --delete out`)
  }
  if (real.split('/').includes(ownDirectory))
    throw new TidemarkError('usage', `${to} is in the bookkeeping of a folder: restore somewhere else`)
  return target
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path)
  return way !== '..' && !way.startsWith('../')
}

/** Of a path whose end may not be there yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) return path
    return join(realPath(dirname(path)), basename(path))
  }
}
