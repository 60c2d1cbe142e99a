import { mkdirSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, systemCode } from '../../errors.ts'
import type { Difference } from '../../tree/compare-directories.ts'
import type { Move } from '../../tree/moves.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import type { PlacedEntries } from '../scan/placed.ts'
import { isAsSeen, seenOf } from './file-job.ts'
import type { OpenDirectories } from './open-directories.ts'
import { endsEverything } from './problem.ts'
import { equalMetadata, isReserved } from './step.ts'

/**
 * What only stands elsewhere is renamed, before anything else is done: a file or a whole directory in one call, and
 * whatever somebody changes in it meanwhile goes along. Nothing is replaced by that. What cannot be moved in this
 * way, for whatever reason, is made and deleted as if it were not a move.
 */
export class Moves {
  /** Directories in which something was changed by that. */
  readonly stirred: Set<Name> = new Set()
  /** What was moved. */
  readonly done: Move[] = []
  readonly #directories: OpenDirectories
  readonly #placed: PlacedEntries
  readonly #from = new Set<Name>()
  readonly #to = new Map<Name, Move>()
  /** Directories made on the way. */
  readonly #made = new Set<Name>()

  constructor(directories: OpenDirectories, placed: PlacedEntries) {
    this.#directories = directories
    this.#placed = placed
  }

  /** Moves what can be moved. Throws only what makes going on useless. */
  carryOut(moves: readonly Move[]): void {
    for (const move of moves) {
      try {
        if (this.#move(move)) this.#note(move)
      } catch (error) {
        if (endsEverything(error)) throw error
      }
    }
  }

  /** Whether `path` was moved away, or something moved to it. */
  has(path: Name): boolean {
    return this.#from.has(path) || this.#to.has(path)
  }

  /** A difference as it is after the moves; undefined when there is none any more. */
  adjust(difference: Difference): Difference | undefined {
    const { path, after } = difference
    if (this.#from.has(path)) return undefined
    const move = this.#to.get(path)
    if (move !== undefined) return { path, before: { ...move.before, name: after!.name }, after }
    return this.#made.has(path) ? { path, before: after, after } : difference
  }

  #move({ from, to, before, after }: Move): boolean {
    if (isReserved(from) || isReserved(to)) return false
    // Names of one file, and what they are to be, is for the links to say.
    if (before.link !== undefined || after.link !== undefined || after.unreadable) return false
    const isThere = this.#directories.get(directoryOf(from)).stat(nameOf(from))
    const isSame =
      before.kind === 'directory' ? isThere?.kind === 'directory' : isAsSeen(isThere, seenOf(before))
    if (!isSame) return false
    this.#makeWay(directoryOf(to))
    const target = this.#directories.get(directoryOf(to))
    if (target.stat(nameOf(to)) !== undefined) return false
    // The last one may have closed it, when it is further than some directories away.
    const source = this.#directories.get(directoryOf(from))
    return source.move(nameOf(from), target, nameOf(to))
  }

  #note(move: Move): void {
    const { from, to, before, after } = move
    this.#from.add(from)
    this.#to.set(to, move)
    this.done.push(move)
    this.stirred.add(directoryOf(from)).add(directoryOf(to))
    if (before.kind === 'directory') {
      this.#directories.forgetBelow(from)
      this.stirred.add(to)
      return
    }
    if (!equalMetadata(before, after)) return
    const stat = this.#directories.get(directoryOf(to)).stat(nameOf(to))
    if (isAsSeen(stat, seenOf(before))) this.#placed.note(directoryOf(to), after, stat!, true)
  }

  /** Makes the directories that lead to a target, open to their owner only, until they get their metadata. */
  #makeWay(directory: Name): void {
    if (directory === '') return
    try {
      this.#directories.get(directory)
      return
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) throw error
    }
    const above = directoryOf(directory)
    this.#makeWay(above)
    try {
      mkdirSync(this.#directories.get(above).path(nameOf(directory)), 0o700)
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
      return
    }
    this.#made.add(directory)
    this.stirred.add(above).add(directory)
  }
}
