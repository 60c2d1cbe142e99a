import { relative } from 'node:path'
import { nameFromBytes, type Name } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import type { OpenDirectories } from '../apply/open-directories.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import { cacheTag, isCacheDirectory } from './cache-directory.ts'
import { IgnoreRules, rulesFile } from './ignore-rules.ts'
import { isOwn } from './kept-names.ts'

interface Place {
  readonly rules: IgnoreRules
  readonly isCache: boolean
}

export interface LeftOutOptions {
  /** Real paths that are no part of the folder: its own repository, when that lies inside. */
  readonly excluded?: ReadonlySet<string> | undefined
  /** Whether a path is one that this copy of the folder holds. */
  readonly selected?: ((path: Name, isDirectory: boolean) => boolean) | undefined
}

/**
 * What is left out of a folder's history, of paths that need not be there: by the rules in it, by what is selected, and
 * because it is the folder's own. The rules of a directory are read when a path in it is first asked for, and hold from
 * then on, whatever becomes of their file.
 */
export class LeftOut {
  readonly #directories: OpenDirectories
  readonly #selected: LeftOutOptions['selected']
  readonly #excluded: ReadonlySet<Name>
  readonly #places = new Map<Name, Place>()

  constructor(directories: OpenDirectories, { excluded, selected }: LeftOutOptions = {}) {
    this.#directories = directories
    this.#selected = selected
    const root = String(directories.root.location)
    this.#excluded = new Set(
      [...(excluded ?? [])].map((place) => nameFromBytes(Buffer.from(relative(root, place)))),
    )
  }

  /** Whether `path` is left out, or something above it. */
  has(path: Name, isDirectory: boolean): boolean {
    if (path === '') return false
    const above = directoryOf(path)
    if (this.has(above, true)) return true
    const name = nameOf(path)
    if (isOwn(name) || this.#excluded.has(path) || this.#selected?.(path, isDirectory) === false) return true
    const { rules, isCache } = this.#place(above)
    return (isCache && name !== cacheTag) || rules.ignores(path, isDirectory)
  }

  #place(path: Name): Place {
    let place = this.#places.get(path)
    if (place === undefined) {
      const above = path === '' ? undefined : this.#place(directoryOf(path))
      place = this.#read(path, above?.rules ?? IgnoreRules.none)
      this.#places.set(path, place)
    }
    return place
  }

  /** In a directory that is not there the rules of the one above hold. */
  #read(path: Name, above: IgnoreRules): Place {
    try {
      const handle = this.#directories.get(path)
      const rules = handle.stat(rulesFile) === undefined ? above : above.enter(handle, path)
      return { rules, isCache: handle.stat(cacheTag) !== undefined && isCacheDirectory(handle) }
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      return { rules: above, isCache: false }
    }
  }
}
