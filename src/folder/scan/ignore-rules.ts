import { readFileSync } from 'node:fs'
import ignore from 'ignore'
import type { Ignore } from 'ignore'
import type { Name } from '../../bytes/name.ts'
import { childPath } from '../system/paths.ts'
import type { SystemPath } from '../system/paths.ts'

/** A file of this name in any directory says, as .gitignore does, what below it is not kept. */
export const rulesFile = '.tidemarkignore'

/** Much more than any such file needs. */
const maxRules = 1024 * 1024

/** The rules in force in a directory: its own and those above, the nearest deciding. */
export class IgnoreRules {
  static readonly none: IgnoreRules = new IgnoreRules([])
  readonly #levels: readonly { readonly base: Name; readonly rules: Ignore }[]

  private constructor(levels: readonly { base: Name; rules: Ignore }[]) {
    this.#levels = levels
  }

  /** The rules for a directory that has a rules file, at `path`; `relative` is its path from the root. */
  enter(path: SystemPath, relative: Name): IgnoreRules {
    const text = readFileSync(childPath(path, rulesFile), 'utf8').slice(0, maxRules)
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
