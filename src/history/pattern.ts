import picomatch from 'picomatch'
import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { Entry } from '../object/entry.ts'

export interface Pattern {
  /** The directory below which everything lies that can match. */
  readonly base: Name
  readonly matches: (path: Name, entry: Entry) => boolean
}

/** Longest pattern, in characters. */
const maxPattern = 4096

/**
 * A glob pattern: `*`, `?`, `[a-z]`, `{a,b}`, `**` for any number of directories, `\` before a character that
 * is to stand for itself. One without a slash is matched against names anywhere in the tree, one with a slash
 * in it or before it against whole paths; a slash at its end lets directories only match. Names that begin
 * with a dot are like others. Throws `usage` for a pattern that makes no sense.
 */
export function compilePattern(pattern: string, ignoreCase = false): Pattern {
  const directories = pattern.endsWith('/')
  const inner = pattern.replace(/^\/+|\/+$/g, '')
  if (inner === '') throw new TidemarkError('usage', 'a pattern needs something to look for')
  if (inner.length > maxPattern)
    throw new TidemarkError('usage', `a pattern has at most ${maxPattern} characters`)
  const options = { dot: true, nocase: ignoreCase, nonegate: true, posix: true, windows: false }
  const test = compile(inner, options)
  const whole = inner.includes('/') || pattern.startsWith('/')
  return {
    base: whole && !ignoreCase ? literalPart(inner) : '',
    matches: (path, entry) =>
      (!directories || entry.kind === 'directory') &&
      test(whole ? path : path.slice(path.lastIndexOf('/') + 1)),
  }
}

function compile(pattern: string, options: picomatch.PicomatchOptions): (text: string) => boolean {
  try {
    return picomatch(pattern, options)
  } catch (error) {
    throw new TidemarkError('usage', `not a pattern: ${JSON.stringify(pattern)}`, { cause: error })
  }
}

/** The directories at the beginning of a pattern that stand for themselves. */
function literalPart(pattern: string): Name {
  const names = pattern.split('/').slice(0, -1)
  const special = names.findIndex((name) => /[*?[\]{}()!+@|\\]/.test(name))
  return (special === -1 ? names : names.slice(0, special)).join('/')
}
