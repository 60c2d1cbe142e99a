import { displayName, nameToBytes, type Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import { isOwnPath } from './names.ts'

/** Linux allows 4096 bytes in a call; what is longer could be neither made nor read. */
const longestPath = 4095
const longestPart = 255

/**
 * Throws `corrupt`, naming the entry, unless `path` is one that may be an entry of a mirrored tree: relative,
 * of parts that are names (none empty, `.` or `..`), without NUL, not too long, and no bookkeeping of ours. What
 * symbolic links on the way would do is for the writer to prevent.
 */
export function checkPath(path: Name): void {
  const problem = problemOf(path)
  if (problem === undefined) return
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path
  throw new TidemarkError('corrupt', `entry "${displayName(shown)}": ${problem}`)
}

function problemOf(path: Name): string | undefined {
  if (path === '') return 'it has no path'
  if (path.length > longestPath) return `its path is longer than ${longestPath} bytes`
  if (path.includes('\0')) return 'its path has a NUL'
  if (path.startsWith('/')) return 'its path is absolute'
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return `its path has a part "${part}"`
    if (part.length > longestPart / 3 && nameToBytes(part).length > longestPart)
      return `a part of its path is longer than ${longestPart} bytes`
  }
  if (path.length > longestPath / 3 && nameToBytes(path).length > longestPath)
    return `its path is longer than ${longestPath} bytes`
  return isOwnPath(path) ? 'its path is that of bookkeeping' : undefined
}
