import type { Name } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import { IgnoreRules, rulesFile } from '../../folder/scan/ignore-rules.ts'
import { openDirectory } from '../../folder/system/directory-handle.ts'
import { readStat } from '../../folder/system/file-stat.ts'
import { childPath, type SystemPath } from '../../folder/system/paths.ts'
import { directoryOf, joinPath } from '../../tree/path.ts'

/**
 * What the rules in a tree (`.tidemarkignore`) leave out of its index. Those of a directory are read when a path in it is
 * first asked for, and hold for this object from then on.
 */
export class LeftOut {
  readonly #root: SystemPath
  /** Of each directory the rules in force in it; undefined when it is left out itself. */
  readonly #rules = new Map<Name, IgnoreRules | undefined>()

  constructor(root: SystemPath) {
    this.#root = root
  }

  /** Whether `path` is left out, or something above it. */
  has(path: Name, isDirectory: boolean): boolean {
    const rules = this.#rulesIn(directoryOf(path))
    return rules === undefined || rules.ignores(path, isDirectory)
  }

  #rulesIn(directory: Name): IgnoreRules | undefined {
    if (this.#rules.has(directory)) return this.#rules.get(directory)
    const rules = this.#read(directory)
    this.#rules.set(directory, rules)
    return rules
  }

  #read(directory: Name): IgnoreRules | undefined {
    if (directory === '') return this.#enter(directory, IgnoreRules.none)
    if (this.has(directory, true)) return undefined
    return this.#enter(directory, this.#rulesIn(directoryOf(directory))!)
  }

  #enter(directory: Name, above: IgnoreRules): IgnoreRules {
    if (readStat(childPath(this.#root, joinPath(directory, rulesFile))) === undefined) return above
    try {
      const handle = openDirectory(directory === '' ? this.#root : childPath(this.#root, directory))
      try {
        return above.enter(handle, directory)
      } finally {
        handle.close()
      }
    } catch (error) {
      // It has gone since, or become something else: then there is nothing in it either.
      if (!isTidemarkError(error)) throw error
      return above
    }
  }
}
