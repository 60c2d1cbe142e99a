import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, systemCode } from '../../errors.ts'
import type { Entry } from '../../object/entry.ts'
import type { FileStat } from '../system/file-stat.ts'
import { isAsSeen, seenOf, type Seen } from './file-job.ts'
import type { OpenDirectories } from './open-directories.ts'
import type { PlacedEntries } from '../scan/placed.ts'
import { makeLink } from './special-files.ts'
import { isReserved } from './step.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import type { WorkDirectory } from './work-directory.ts'

/** A further name of a file, to be given once the file is there. */
export interface LateLink {
  readonly above: WorkDirectory
  readonly path: Name
  readonly entry: Entry
  readonly seen: Seen | undefined
}

/**
 * Makes the path of `link` a further name of what stands at `first`. `there` when it is one already,
 * `impossible` when `first` is not what it should be or the system does not allow it. `prepare` is called
 * before anything is changed.
 */
export function giveLink(
  directories: OpenDirectories,
  { above, path, entry, seen }: LateLink,
  first: Name,
  temporary: () => Name,
  prepare: () => void,
  placed?: PlacedEntries,
): 'made' | 'there' | 'impossible' {
  if (isReserved(first) || first === path) return 'impossible'
  const target = lookAt(directories, first)
  if (target === undefined || !isSuch(target, entry)) return 'impossible'
  const now = directories.get(above.path).stat(nameOf(path))
  if (now !== undefined && now.ino === target.ino && now.dev === target.dev) return 'there'
  prepare()
  try {
    const from = directories.get(directoryOf(first))
    makeLink(directories.get(above.path), nameOf(path), seen, temporary, from, nameOf(first))
    // It shows another time of change now; and so do the names that it had before, but these are only read.
    const now = placed && lookAt(directories, first)
    if (now) placed.renew(directoryOf(first), nameOf(first), target, now)
    return 'made'
  } catch (error) {
    if (isRefused(error)) return 'impossible'
    throw error
  }
}

function lookAt(directories: OpenDirectories, path: Name): FileStat | undefined {
  try {
    return directories.get(directoryOf(path)).stat(nameOf(path))
  } catch (error) {
    if (isTidemarkError(error, 'missing', 'conflict')) return undefined
    throw error
  }
}

const second = 1_000_000_000n

/** Whether this is the file that was written for `entry`, whose time the file system may have rounded. */
function isSuch(now: FileStat, entry: Entry): boolean {
  const rounded = now.mtimeNs - entry.mtimeNs
  const isClose = rounded > -2000n && rounded < 2000n
  const isWhole = now.mtimeNs % second === 0n && rounded > -second && rounded < second
  return (isClose || isWhole) && isAsSeen(now, { ...seenOf(entry), mtimeNs: now.mtimeNs })
}

/** Other file systems, file systems without links, too many names, files of others. */
function isRefused(error: unknown): boolean {
  const origin = error instanceof Error && error.cause !== undefined ? error.cause : error
  return ['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP'].includes(systemCode(origin) ?? '')
}
