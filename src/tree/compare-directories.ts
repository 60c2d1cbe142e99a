import { compareNames, type Name } from '../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { DirectoryCursor, type TreePiece } from './directory-cursor.ts'
import { leavesAhead } from './directory.ts'
import { equalEntries } from './equal-entries.ts'
import { joinPath } from './path.ts'

/** What stands at one path in two trees; at least one side is there, and they are not equal. */
export interface Difference {
  readonly path: Name
  readonly before: Entry | undefined
  readonly after: Entry | undefined
}

export interface CompareOptions extends CallOptions {
  /** Begin with this name, or the first behind it. */
  readonly from?: Name | undefined
  /** The path of the directory, for the paths of the differences. */
  readonly path?: Name | undefined
}

/**
 * The differences of two directories, without what is below their sub-directories. Pieces that both have are
 * skipped unread. Holds a leaf of each, and a node of each a level.
 */
export class DirectoryComparison {
  readonly #before: DirectoryCursor
  readonly #after: DirectoryCursor
  readonly #prefix: Name

  /** A side that is left out, or no directory, has no entries. */
  constructor(
    store: Store,
    before: Entry | undefined,
    after: Entry | undefined,
    options: CompareOptions = {},
  ) {
    const { path = '', from, signal } = options
    const [old, now] = [directoryOf(before), directoryOf(after)]
    const ahead = old === undefined || now === undefined ? leavesAhead : 0
    this.#before = new DirectoryCursor(store, old?.content, { from, signal, ahead })
    this.#after = new DirectoryCursor(store, now?.content, { from, signal, ahead })
    this.#prefix = joinPath(path, '')
  }

  /** Differences in the order of their names, some at a time (at least one); undefined after the last. */
  async next(): Promise<Difference[] | undefined> {
    const found: Difference[] = []
    const [a, b] = [this.#before, this.#after]
    while (found.length === 0) {
      const [left, right] = [hasEntries(a), hasEntries(b)]
      if (left && right) this.#merge(found)
      else if (left && mayTake(a, b.piece)) this.#take(a, b.piece?.first, found)
      else if (right && mayTake(b, a.piece)) this.#take(b, a.piece?.first, found)
      else if (left) await b.read()
      else if (right) await a.read()
      else if (a.piece === undefined && b.piece === undefined) return undefined
      else await advance(a, b)
    }
    return found
  }

  /** Goes through the entries of both until those of one are used up. */
  #merge(found: Difference[]): void {
    const [a, b] = [this.#before, this.#after]
    while (a.index < a.entries.length && b.index < b.entries.length) {
      const before = a.entries[a.index]!
      const after = b.entries[b.index]!
      const order = compareNames(before.name, after.name)
      if (order <= 0) a.index++
      if (order >= 0) b.index++
      if (order < 0) this.#add(found, before, undefined)
      else if (order > 0) this.#add(found, undefined, after)
      else if (!equalEntries(before, after)) this.#add(found, before, after)
    }
  }

  /** Takes the entries of one side that stand before `until`: the other side has none of these names. */
  #take(side: DirectoryCursor, until: Name | undefined, found: Difference[]): void {
    const old = side === this.#before
    for (; side.index < side.entries.length; side.index++) {
      const entry = side.entries[side.index]!
      if (until !== undefined && compareNames(entry.name, until) >= 0) break
      this.#add(found, old ? entry : undefined, old ? undefined : entry)
    }
  }

  #add(found: Difference[], before: Entry | undefined, after: Entry | undefined): void {
    found.push({ path: this.#prefix + (before ?? after)!.name, before, after })
  }
}

function directoryOf(entry: Entry | undefined): DirectoryEntry | undefined {
  return entry?.kind === 'directory' ? entry : undefined
}

function hasEntries(cursor: DirectoryCursor): boolean {
  return cursor.index < cursor.entries.length
}

/** True when the next entry of `side` stands before all that the other side still has. */
function mayTake(side: DirectoryCursor, other: TreePiece | undefined): boolean {
  if (other === undefined) return true
  return other.first !== undefined && compareNames(side.entries[side.index]!.name, other.first) < 0
}

/** Neither has entries: skips a piece that both have, or reads the one that has to be read first. */
async function advance(a: DirectoryCursor, b: DirectoryCursor): Promise<void> {
  const [left, right] = [a.piece, b.piece]
  if (left === undefined) return b.read()
  if (right === undefined) return a.read()
  if (left.id === right.id && left.level === right.level) {
    a.skip()
    b.skip()
    return
  }
  const known = left.first !== undefined && right.first !== undefined
  const order = known ? compareNames(left.first, right.first) : 0
  // Of two that begin alike the higher is opened, for the lower may be one of its parts.
  const readLeft = order < 0 || (order === 0 && left.level >= right.level)
  const readRight = order > 0 || (order === 0 && right.level >= left.level)
  if (readLeft && readRight && left.level === 0) await DirectoryCursor.readLeaves(a, b)
  else if (readLeft && readRight) await Promise.all([a.read(), b.read()])
  else await (readLeft ? a.read() : b.read())
}
