import { compareNames, type Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import { DirectoryComparison } from '../../tree/compare-directories.ts'
import { editDirectory, nothingBelow, type Below, type EntryEdit } from '../../tree/edit-directory.ts'
import { equalContent, equalEntries, sameData } from '../../tree/equal-entries.ts'
import { lookUp } from '../../tree/directory.ts'
import { checkDepth, joinPath } from '../../tree/path.ts'
import { compareThree, type Three } from './compare-three.ts'
import type { BaseOf } from './base-of.ts'
import type { Conflict } from './conflict.ts'
import { chooseData, withMergedMetadata } from './merge-data.ts'
import { compareAge, mergeMetadata } from './metadata.ts'
import type { NewNodes } from './new-nodes.ts'
import { copyMark } from './conflict-name.ts'
import { CopyPlaces, type Loser } from './place-copies.ts'
import { readableSides } from './unreadable.ts'

/** The hosts of the two sides. */
export interface Hosts {
  readonly left: string
  readonly right: string
}

/** Makes of three versions of a text one; undefined when that is not wanted or cannot be done. */
export type MergeText = (
  path: Name,
  base: Entry | undefined,
  left: Entry,
  right: Entry,
) => Promise<Pick<Entry & { kind: 'file' }, 'size' | 'content'> | undefined>

/** What stands at a path after a merge, and what has lost its place there. */
interface Settled {
  readonly entry: Entry | undefined
  readonly loser?: (Loser & { readonly winner: string }) | undefined
}

export interface DirectoryMergeOptions extends CallOptions {
  /** See `MergeOptions`. */
  readonly baseOf?: BaseOf | undefined
}

/** One merge of trees, without a look at moves. */
export class DirectoryMerge {
  readonly #nodes: NewNodes
  readonly #hosts: Hosts
  readonly #mergeText: MergeText
  readonly #options: DirectoryMergeOptions
  readonly conflicts: Conflict[] = []
  /** Something was changed on one side that is not there on the other, or was made on both: it may have moved. */
  mayHaveMoved = false

  constructor(nodes: NewNodes, hosts: Hosts, mergeText: MergeText, options: DirectoryMergeOptions) {
    this.#nodes = nodes
    this.#hosts = hosts
    this.#mergeText = mergeText
    this.#options = options
  }

  /** The merge of two directories; `base` counts if it is one, too. */
  async merge(
    path: Name,
    base: Entry | undefined,
    left: DirectoryEntry,
    right: DirectoryEntry,
    depth = 0,
  ): Promise<DirectoryEntry> {
    checkDepth(path, depth)
    const old = base?.kind === 'directory' ? base : undefined
    const metadata = mergeMetadata(old, left, right, compareAge(left, right) > 0)
    return { ...left, ...metadata, ...(await this.#mergeBelow(path, old, left, right, depth)) }
  }

  async #mergeBelow(
    path: Name,
    base: DirectoryEntry | undefined,
    left: DirectoryEntry,
    right: DirectoryEntry,
    depth: number,
  ): Promise<Below> {
    if (equalContent(left.content, right.content)) return below(left)
    if (base && equalContent(base.content, left.content)) return below(right)
    if (base && equalContent(base.content, right.content)) return below(left)
    if (base === undefined) this.mayHaveMoved = true
    const edits = new Map<Name, Entry | undefined>()
    const losers: NonNullable<Settled['loser']>[] = []
    const gone: Three[] = []
    for await (const three of compareThree(this.#nodes, base, left, right, this.#options)) {
      const { entry, loser } = await this.#settle(joinPath(path, three.name), three, depth)
      if (!isSame(entry, three.left)) edits.set(three.name, entry)
      if (loser) losers.push(loser)
      if (entry === undefined && three.name.includes(copyMark)) gone.push(three)
    }
    keepTwins(gone, edits)
    if (losers.length > 0 && this.#options.baseOf === undefined)
      await this.#placeCopies(path, left, edits, losers)
    return this.#edit(
      left,
      Array.from(edits, ([name, entry]) => ({ name, entry })),
    )
  }

  async #placeCopies(
    path: Name,
    left: DirectoryEntry,
    edits: Map<Name, Entry | undefined>,
    losers: readonly NonNullable<Settled['loser']>[],
  ): Promise<void> {
    const places = new CopyPlaces(this.#nodes, left, edits, this.#options)
    for (const loser of losers) {
      const { entry, winner, host } = loser
      const copy = isKept(entry) ? joinPath(path, await places.place(loser)) : undefined
      this.conflicts.push({ path: joinPath(path, entry.name), copy, winner, loser: host })
    }
  }

  async #settle(path: Name, three: Three, depth: number): Promise<Settled> {
    const { base } = three
    if (isSame(three.left, three.right)) return { entry: three.left }
    const [left, right] = readableSides(three)
    if (isSame(left, right) || isSame(base, right)) return { entry: left }
    if (isSame(base, left)) return { entry: right }
    const seen = await this.#seenByEither(path, left, right)
    if (seen) return seen
    if (left === undefined || right === undefined)
      return { entry: await this.#withoutOther(path, base, (left ?? right)!, depth) }
    if (left.kind === 'directory' && right.kind === 'directory')
      return { entry: await this.merge(path, base, left, right, depth + 1) }
    if (left.kind === 'directory') return this.#settleKinds(path, base, left, right, 'left', depth)
    if (right.kind === 'directory') return this.#settleKinds(path, base, right, left, 'right', depth)
    return this.#settleData(path, base, left, right)
  }

  /** In a merge of bases: the one of two that a side still has, if only one is. The other was replaced, knowingly. */
  async #seenByEither(
    path: Name,
    left: Entry | undefined,
    right: Entry | undefined,
  ): Promise<Settled | undefined> {
    const { baseOf } = this.#options
    if (baseOf === undefined || left?.kind === 'directory' || right?.kind === 'directory') return undefined
    const sides = await Promise.all(baseOf.map((root) => lookUp(this.#nodes, root, path, this.#options)))
    const [a, b] = [nearness(left, sides), nearness(right, sides)]
    return a === b ? undefined : { entry: a > b ? left : right }
  }

  async #settleData(path: Name, base: Entry | undefined, left: Entry, right: Entry): Promise<Settled> {
    const choice = chooseData(base, left, right)
    const isLeftNewer = compareAge(left, right) > 0
    const merge = (data: Entry): Entry => withMergedMetadata([base, left, right], data, isLeftNewer)
    if (choice !== 'conflict') return { entry: merge(choice === 'right' ? right : left) }
    const text = await this.#mergeText(path, base, left, right)
    const [newer, older] = isLeftNewer ? [left, right] : [right, left]
    const merged = merge(newer)
    if (text && merged.kind === 'file') return { entry: { ...merged, ...text, unstable: false } }
    return { entry: merged, loser: this.#loser(older, isLeftNewer ? 'left' : 'right') }
  }

  /** A directory on one side, something else on the other. */
  async #settleKinds(
    path: Name,
    base: Entry | undefined,
    directory: DirectoryEntry,
    other: Entry,
    side: keyof Hosts,
    depth: number,
  ): Promise<Settled> {
    if (base && sameData(base, other)) return { entry: directory }
    const kept = await this.#withoutOther(path, base, directory, depth)
    if (kept === undefined) return { entry: other }
    return { entry: kept, loser: this.#loser(other, side) }
  }

  #loser(entry: Entry, winner: keyof Hosts): NonNullable<Settled['loser']> {
    const host = this.#hosts[winner === 'left' ? 'right' : 'left']
    return { entry, host, winner: this.#hosts[winner] }
  }

  /** What is left of what one side has changed when the other has not got it any more: of a directory only that. */
  async #withoutOther(
    path: Name,
    base: Entry | undefined,
    side: Entry,
    depth: number,
  ): Promise<Entry | undefined> {
    if (base === undefined) return side
    this.mayHaveMoved = true
    if (side.kind !== 'directory' || base.kind !== 'directory')
      return isTouched(base, side) ? side : undefined
    const changed = await this.#changedBelow(path, base, side, depth + 1)
    return changed.count === 0 ? undefined : { ...side, ...changed }
  }

  async #changedBelow(path: Name, base: DirectoryEntry, side: DirectoryEntry, depth: number): Promise<Below> {
    checkDepth(path, depth)
    const edits: EntryEdit[] = []
    const comparison = new DirectoryComparison(this.#nodes, base, side, this.#options)
    for (let batch = await comparison.next(); batch !== undefined; batch = await comparison.next()) {
      for (const { before, after } of batch) {
        if (after === undefined || (before && after.unreadable)) continue
        let entry: Entry = after
        if (before?.kind === 'directory' && after.kind === 'directory') {
          const changed = await this.#changedBelow(joinPath(path, after.name), before, after, depth + 1)
          if (changed.count === 0) continue
          entry = { ...after, ...changed }
        } else if (before && !isTouched(before, after)) continue
        edits.push({ name: after.name, entry })
      }
    }
    return this.#edit(nothingBelow, edits)
  }

  #edit(directory: Below, edits: readonly EntryEdit[]): Promise<Below> {
    const sorted = edits.toSorted((a, b) => compareNames(a.name, b.name))
    return editDirectory(this.#nodes, directory, sorted, this.#nodes.emit, this.#options)
  }
}

function below({ content, size, count }: DirectoryEntry): Below {
  return { content, size, count }
}

function isSame(a: Entry | undefined, b: Entry | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalEntries(a, b)
}

/** How near a thing is to what either side has: 2 is the same, 1 has the same data, 0 is neither. */
function nearness(entry: Entry | undefined, sides: readonly (Entry | undefined)[]): number {
  if (sides.some((side) => isSame(entry, side))) return 2
  return sides.some((side) => entry && side && sameData(entry, side)) ? 1 : 0
}

/** That a file has got other names besides is no change to this one. */
function isTouched(before: Entry, after: Entry): boolean {
  return !equalEntries({ ...before, link: after.link }, after)
}

/** Of more copies that one side has deleted in one directory the rest is deleted. */
const maxTwins = 1000

/**
 * Two sides may have made copies of one thing under two names, in merges that others have seen, too: then each looks
 * deleted by the other side. One of them is kept, the first by its name.
 */
function keepTwins(gone: readonly Three[], edits: Map<Name, Entry | undefined>): void {
  const theirs = gone.filter(({ right }) => right !== undefined).slice(0, maxTwins)
  for (const { name, left } of gone) {
    if (left === undefined) continue
    const twin = theirs.find(({ right }) => sameData(left, right!))
    if (twin === undefined) continue
    if (compareNames(name, twin.name) < 0) edits.delete(name)
    else edits.set(twin.name, twin.right)
  }
}

/** In pipes and sockets there is nothing that could be lost. */
function isKept({ kind }: Entry): boolean {
  return kind !== 'fifo' && kind !== 'socket'
}
