import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import ignore from 'ignore'
import type { Ignore } from 'ignore'
import type { Name } from '../../bytes/name.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'

/** A file of this name in any directory says, as .gitignore does, what below it is not kept. */
export const rulesFile = '.tidemarkignore'

/** Much more than any such file needs. */
const maxRules = 1024 * 1024

/** The rules in force in a directory: its own and those above, the nearest deciding. */
export class IgnoreRules {
  static readonly none: IgnoreRules = new IgnoreRules([])
  static readonly everything: IgnoreRules = new IgnoreRules([{ base: '', rules: ignore().add('*') }])
  readonly #levels: readonly { readonly base: Name; readonly rules: Ignore }[]

  private constructor(levels: readonly { base: Name; rules: Ignore }[]) {
    this.#levels = levels
  }

  /**
   * The rules for a directory, with those of the rules file in it; `relative` is its path from the root. A
   * file that cannot be read gives none: it is better to keep too much.
   */
  enter(directory: DirectoryHandle, relative: Name): IgnoreRules {
    const text = readRules(directory)
    if (text === undefined) return this
    const rules = ignore({ ignorecase: false }).add(text)
    return new IgnoreRules([{ base: relative === '' ? '' : `${relative}/`, rules }, ...this.#levels])
  }

  /** Whether the entry at `relative`, a path from the root, is left out. */
  ignores(relative: Name, isDirectory: boolean): boolean {
    for (const { base, rules } of this.#levels) {
      const result = rules.test(relative.slice(base.length) + (isDirectory ? '/' : ''))
      if (result.ignored) return true
      if (result.unignored) return false
    }
    return false
  }
}

/** Anything may have that name, a pipe that nobody writes to as well. */
function readRules(directory: DirectoryHandle): string | undefined {
  let file
  try {
    // It may be a link to rules that several folders share.
    file = openSync(directory.path(rulesFile), constants.O_RDONLY | constants.O_NONBLOCK)
    if (!fstatSync(file).isFile()) return undefined
    const bytes = Buffer.alloc(Math.min(fstatSync(file).size, maxRules))
    return bytes.toString('utf8', 0, readSync(file, bytes))
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
