import { realpathSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { systemCode, TidemarkError } from '../errors.ts'

/** Throws `usage` for two directories of which one is, or lies in, the other. */
export function checkApart(one: string, other: string): void {
  const [a, b] = [realPathOf(one), realPathOf(other)]
  if (a === b) throw new TidemarkError('usage', `${one} and ${other} are one and the same directory`)
  if (isInside(a, b) || isInside(b, a))
    throw new TidemarkError('usage', `${one} and ${other}: one lies inside the other`)
}

function isInside(inner: string, outer: string): boolean {
  return !/^\.\.(?:\/|$)/.test(relative(outer, inner))
}

/** Of what is not there yet, that of the directory in which it would be. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const absolute = resolve(path)
    if (systemCode(error) !== 'ENOENT' || dirname(absolute) === absolute) return absolute
    return join(realPathOf(dirname(absolute)), absolute.slice(dirname(absolute).length))
  }
}
