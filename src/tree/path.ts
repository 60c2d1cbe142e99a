import { compareNames, type Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'

/** How many directories a path may go down. What is deeper is refused, so that hostile trees end. */
export const maxPathDepth = 4096

/** Longest path, in characters. */
export const maxPathLength = 65_536

/** Refuses with `limit` to go below `directory`, which lies `depth` directories below the root. */
export function checkDepth(directory: Name, depth: number): void {
  if (depth > maxPathDepth)
    throw new TidemarkError('limit', `a path goes down more than ${maxPathDepth} directories`)
  if (directory.length > maxPathLength)
    throw new TidemarkError('limit', `a path is longer than ${maxPathLength} characters`)
}

/** The path of `name` in `directory`, a path itself; the root's path is empty. */
export function joinPath(directory: Name, name: Name): Name {
  return directory === '' ? name : `${directory}/${name}`
}

/** The last name of a path. */
export function nameOf(path: Name): Name {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The path of the directory that a path is in. */
export function directoryOf(path: Name): Name {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** The names along a path. Slashes at the ends and doubled ones count for nothing; the root has no names. */
export function splitPath(path: Name): Name[] {
  return path.split('/').filter((name) => name !== '')
}

/**
 * The order in which trees are walked: a directory before what is below it, names in the order of their
 * bytes. It is the byte order of the paths if `/` were lower than any other character.
 */
export function comparePaths(a: Name, b: Name): number {
  if (a === b) return 0
  const shared = Math.min(a.length, b.length)
  let at = 0
  while (at < shared && a.charCodeAt(at) === b.charCodeAt(at)) at++
  if (at === shared) return a.length - b.length
  const start = a.lastIndexOf('/', at - 1) + 1
  return compareNames(nameAt(a, start), nameAt(b, start))
}

function nameAt(path: Name, start: number): Name {
  const end = path.indexOf('/', start)
  return end === -1 ? path.slice(start) : path.slice(start, end)
}
