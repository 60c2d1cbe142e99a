import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import { findEntry, lookUp } from '../../tree/directory.ts'
import { editTree, type PathEdit } from '../../tree/edit-tree.ts'
import { equalContent, equalEntries } from '../../tree/equal-entries.ts'
import { joinPath, nameOf, splitPath } from '../../tree/path.ts'
import { findMoves, type Move } from './move.ts'
import type { NewNodes } from './new-nodes.ts'

export interface Trees {
  readonly base: DirectoryEntry
  readonly left: DirectoryEntry
  readonly right: DirectoryEntry
}

export interface Followed extends Trees {
  /** The moves that were made in other trees than they were found in, in this order. */
  readonly moves: readonly Move[]
}

/** Moves that only show once others have been made are looked for again, so many times. */
const maxRounds = 8

/**
 * Where one side has moved something and the other has changed it in its old place, moves it in the base and on the
 * other side as well: then a merge by paths brings the change to the new place. A move is made only where its source
 * still is and its target is free, so nothing is lost by it. Undefined when there is nothing to do.
 */
export async function followMoves(
  nodes: NewNodes,
  given: Trees,
  options: CallOptions,
): Promise<Followed | undefined> {
  let trees = given
  const moves: Move[] = []
  for (let round = 0; round < maxRounds; round++) {
    const left = await findMoves(nodes, trees.base, trees.left, options)
    const right = await findMoves(nodes, trees.base, trees.right, options)
    if (left === undefined || right === undefined) break
    const step = await firstStep(nodes, trees, { left, right }, options)
    if (step === undefined) break
    trees = step.trees
    moves.push(...step.moves)
  }
  return moves.length > 0 ? { ...trees, moves } : undefined
}

/** Directories first, because what was moved into one of them may go with it. */
async function firstStep(
  nodes: NewNodes,
  trees: Trees,
  found: { readonly left: readonly Move[]; readonly right: readonly Move[] },
  options: CallOptions,
): Promise<{ readonly trees: Trees; readonly moves: readonly Move[] } | undefined> {
  for (const kind of ['directory', 'file'] as const) {
    for (const side of ['left', 'right'] as const) {
      const other = side === 'left' ? 'right' : 'left'
      const step = new MoveStep(nodes, trees.base, trees[side], trees[other], options)
      const shared = new Set(found[other].map(({ from, to }) => `${from}\0${to}`))
      const moves: Move[] = []
      for (const move of found[side]) {
        const isShared = shared.has(`${move.from}\0${move.to}`)
        if (move.kind === kind && (await step.add(move, isShared))) moves.push(move)
      }
      if (moves.length === 0) continue
      const after = { ...trees, base: await step.newBase(), [other]: await step.newOther() }
      return { trees: after, moves }
    }
  }
  return undefined
}

/** The moves of one side that are made in the base and on the other side at once. */
class MoveStep {
  readonly #nodes: NewNodes
  readonly #base: DirectoryEntry
  readonly #side: DirectoryEntry
  readonly #other: DirectoryEntry
  readonly #options: CallOptions
  readonly #inBase: PathEdit[] = []
  readonly #inOther: PathEdit[] = []
  /** What directories are that have to be made. */
  readonly #directories = new Map<Name, DirectoryEntry>()

  constructor(
    nodes: NewNodes,
    base: DirectoryEntry,
    side: DirectoryEntry,
    other: DirectoryEntry,
    options: CallOptions,
  ) {
    this.#nodes = nodes
    this.#base = base
    this.#side = side
    this.#other = other
    this.#options = options
  }

  /** Adds a move if it is of use and can be made; `isShared` when the other side has made it, too. */
  async add({ from, to }: Move, isShared: boolean): Promise<boolean> {
    const [before, theirs] = [await this.#find(this.#base, from), await this.#find(this.#other, from)]
    if (before === undefined || !(await this.#isFree(this.#base, to))) return false
    if (theirs === undefined) {
      if (!isShared || !(await this.#differ(before, to))) return false
    } else {
      if (equalEntries(before, theirs) || !(await this.#isFree(this.#other, to))) return false
      this.#inOther.push(...moved(from, to, theirs))
    }
    this.#inBase.push(...moved(from, to, before))
    return true
  }

  newBase(): Promise<DirectoryEntry> {
    return this.#edit(this.#base, this.#inBase)
  }

  newOther(): Promise<DirectoryEntry> {
    return this.#edit(this.#other, this.#inOther)
  }

  #edit(root: DirectoryEntry, edits: readonly PathEdit[]): Promise<DirectoryEntry> {
    const directory = (path: Name): DirectoryEntry => this.#directories.get(path)!
    return editTree(this.#nodes, root, edits, this.#nodes.emit, { ...this.#options, directory })
  }

  #find(root: DirectoryEntry, path: Name): Promise<Entry | undefined> {
    return lookUp(this.#nodes, root, path, this.#options)
  }

  /** Both have moved a directory to the same place, and gone on differently in it. */
  async #differ(before: Entry, to: Name): Promise<boolean> {
    const [ours, theirs] = [await this.#find(this.#side, to), await this.#find(this.#other, to)]
    if (before.kind !== 'directory' || ours?.kind !== 'directory' || theirs?.kind !== 'directory')
      return false
    return !equalContent(ours.content, theirs.content)
  }

  /** Whether something can be put at a path; notes what directories on the way there would be. */
  async #isFree(root: DirectoryEntry, path: Name): Promise<boolean> {
    const names = splitPath(path)
    let [at, entry]: [Name, Entry | undefined] = ['', root]
    for (const [n, name] of names.entries()) {
      at = joinPath(at, name)
      const above: Entry | undefined = entry
      if (above && (above.kind !== 'directory' || above.unreadable)) return false
      entry = above && (await findEntry(this.#nodes, above, name, this.#options))
      if (entry === undefined && n < names.length - 1) await this.#noteDirectory(at)
    }
    return entry === undefined
  }

  /** One that is made stands for that of the base, or where there was none for that of the side that moved. */
  async #noteDirectory(path: Name): Promise<void> {
    if (this.#directories.has(path)) return
    const before = await this.#find(this.#base, path)
    const entry = before?.kind === 'directory' ? before : await this.#find(this.#side, path)
    if (entry?.kind === 'directory') this.#directories.set(path, { ...entry, unreadable: false })
  }
}

function moved(from: Name, to: Name, entry: Entry): PathEdit[] {
  return [
    { path: from, entry: undefined },
    { path: to, entry: { ...entry, name: nameOf(to) } },
  ]
}
