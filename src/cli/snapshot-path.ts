import { realpathSync } from 'node:fs'
import { dirname, basename, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'

/** What `SNAPSHOT[:PATH]` says. `path` is absent without a colon. */
export interface SnapshotPath {
  readonly snapshot: string
  readonly path?: string
}

const clock = /(?:^|[\sT])\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2}|\s?[ap]m)?(?=$|[\s:])/gi

/** Splits at the first colon that is not part of a clock time: `2026-11-20 15:04:docs/a.txt`. */
export function splitSnapshotPath(text: string): SnapshotPath {
  const colon = text.replace(clock, (time) => '.'.repeat(time.length)).indexOf(':')
  if (colon === -1) return { snapshot: text }
  if (colon === 0) throw new TidemarkError('usage', `${text}: no snapshot is named before the colon`)
  return { snapshot: text.slice(0, colon), path: text.slice(colon + 1) }
}

/** Where paths that a user writes count from. */
export interface PathBase {
  readonly workingDirectory: string
  /** The folder's root, when there is a folder. */
  readonly root?: string | undefined
  /** Where the folder was when the snapshot was made; what begins with it is understood too. */
  readonly formerRoot?: string | undefined
}

/**
 * The path inside a snapshot that `path` means; empty for the root. A relative path counts from the working
 * directory when that is inside the folder, otherwise from the root. An absolute path is one inside the
 * folder, or else counts from the root: `/docs` is the `docs` at the top, wherever one stands.
 */
export function toSnapshotPath(path: string, base: PathBase): Name {
  const roots = [base.root, base.root && real(base.root), base.formerRoot].filter(
    (root) => root !== undefined,
  )
  if (isAbsolute(path)) {
    for (const candidate of [path, join(real(dirname(path)), basename(path))]) {
      for (const root of roots) {
        const inside = inner(root, candidate)
        if (inside !== undefined) return inside
      }
    }
    return tidy(path, path)
  }
  const here = roots.map((root) => inner(root, base.workingDirectory)).find((inside) => inside !== undefined)
  return tidy(here === undefined ? path : `${here}/${path}`, path)
}

/** `path` relative to `root` when it is inside it. */
function inner(root: string, path: string): string | undefined {
  const inside = relative(root, resolve(path))
  return inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside) ? undefined : inside
}

function tidy(path: string, asGiven: string): Name {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..' && parts.pop() === undefined) {
      throw new TidemarkError('usage', `${asGiven}: leads out of the folder`)
    }
    if (part !== '' && part !== '.' && part !== '..') parts.push(part)
  }
  return parts.join('/')
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** The name that displayName shows as `text`, for names that cannot be typed; undefined when nothing in `text` is escaped. */
export function fromDisplayed(text: string): Name | undefined {
  if (!text.includes('\\')) return undefined
  return text.replace(
    /\\(?:(\\|n|t)|x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\})/g,
    (all, letter: string | undefined, byte: string | undefined, point: string | undefined) => {
      if (letter === 'n') return '\n'
      if (letter === 't') return '\t'
      if (letter !== undefined) return letter
      const code = Number.parseInt((byte ?? point)!, 16)
      if (byte !== undefined) return String.fromCharCode(code < 0x80 ? code : 0xdc00 + code)
      // Halves of surrogate pairs are no characters.
      return code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? all : String.fromCodePoint(code)
    },
  )
}
