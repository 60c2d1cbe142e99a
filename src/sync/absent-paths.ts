import { lstatSync, mkdirSync } from 'node:fs'
import type { Name } from '../bytes/name.ts'
import { systemCode } from '../errors.ts'
import type { Problem as ApplyProblem } from '../folder/apply/problem.ts'
import type { Entry } from '../object/entry.ts'
import type { Problem } from '../folder/scan/scan.ts'
import { childPath } from '../folder/system/paths.ts'
import { directoryOf } from '../tree/path.ts'

/** So long after it could not be made nothing of a path is tried again. Milliseconds. */
const retryMs = 60_000

const notYetText = 'it is not here yet'
const occupiedText = 'something else has its place here: move that away'

interface Tried {
  readonly at: number
  readonly problem: ApplyProblem
}

/**
 * Paths of a folder's newest snapshot that are to be here and were not when they were looked at: a rule or a selection
 * has left them out until now, or they could not be made.
 */
export class AbsentPaths {
  readonly #root: string
  #tried = new Map<Name, Tried | undefined>()
  /** Paths that are here and could not be read, and why. */
  #unreadable = new Map<Name, string>()

  /** `known`: those that were absent when the folder was open last. */
  constructor(root: string, known: Iterable<Name>) {
    this.#root = root
    for (const path of known) this.#tried.set(path, undefined)
  }

  get paths(): ReadonlySet<Name> {
    return new Set(this.#tried.keys())
  }

  /** What a look has found; `all` says that it was at everything. */
  found(problems: readonly Problem[], all: boolean): void {
    const known = this.#tried
    if (all) {
      this.#tried = new Map()
      this.#unreadable = new Map()
    }
    for (const { path, code, message } of problems) {
      if (code === 'not-here') this.#tried.set(path, known.get(path))
      else if (code === 'unreadable') this.#unreadable.set(path, message)
    }
  }

  /**
   * Makes the directories that they are to be in where somebody has deleted them: what else was there is deleted by that,
   * and these are not.
   */
  keepPlaces(): void {
    for (const path of this.#tried.keys()) {
      const above = directoryOf(path)
      if (above === '' || !isNothingAt(this.#root, above)) continue
      try {
        mkdirSync(childPath(this.#root, above), { recursive: true })
      } catch {
        // Then all of the directory stays in the tree.
      }
    }
  }

  /** These were to be made just now. */
  tried(paths: Iterable<Name>, problems: readonly ApplyProblem[]): void {
    const at = Date.now()
    const byPath = new Map(problems.map((problem) => [problem.path, problem]))
    for (const path of paths) {
      // In a directory what cannot be made may be far below it.
      const problem = byPath.get(path) ?? problems.find((one) => one.path.startsWith(`${path}/`))
      // What could not be made in a directory the next look finds.
      if (!isNothingAt(this.#root, path)) this.#tried.delete(path)
      else if (this.#tried.has(path))
        this.#tried.set(path, { at, problem: problem ?? { path, code: 'failed', message: notYetText } })
    }
  }

  /** What is to be there is something new. */
  renew(path: Name): void {
    this.#tried.set(path, undefined)
  }

  /** Drops what the folder's newest tree has no more, or can be read again: `at` tells what it has. */
  async settle(at: (path: Name) => Promise<Entry | undefined>): Promise<void> {
    for (const path of this.#tried.keys()) if ((await at(path)) === undefined) this.#tried.delete(path)
    for (const path of this.#unreadable.keys())
      if ((await at(path))?.unreadable !== true) this.#unreadable.delete(path)
  }

  /** Those to be made now: nothing is in their place, and they have not been tried for a while. */
  due(): Name[] {
    const now = Date.now()
    return [...this.#tried].flatMap(([path, tried]) => {
      const isDue = tried === undefined || Math.abs(now - tried.at) >= retryMs
      return isDue && isNothingAt(this.#root, path) ? [path] : []
    })
  }

  /** Why they are not here, and what could not be read. What something else stands in the place of is left to its owner. */
  problems(): ApplyProblem[] {
    const absent = [...this.#tried].map(([path, tried]): ApplyProblem => {
      if (!isNothingAt(this.#root, path)) return { path, code: 'conflict', message: occupiedText }
      return tried?.problem ?? { path, code: 'failed', message: notYetText }
    })
    const unreadable = [...this.#unreadable].map(([path, message]): ApplyProblem => {
      return { path, code: 'unreadable', message }
    })
    return [...absent, ...unreadable]
  }
}

function isNothingAt(root: string, path: Name): boolean {
  try {
    return lstatSync(childPath(root, path), { throwIfNoEntry: false }) === undefined
  } catch (error) {
    // Else a directory on the way is something else.
    return systemCode(error) === 'ENAMETOOLONG'
  }
}
