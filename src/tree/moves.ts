import type { Name } from '../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { Store } from '../store/store.ts'
import type { Difference } from './compare-directories.ts'
import { compareTrees, type CompareTreesOptions } from './compare-trees.ts'
import { comparePaths } from './path.ts'
import { differences, toChange, type Change } from './change.ts'

/** Moves are looked for among at most this many changes: a few hundred bytes of memory each. */
export const maxChangesWithMoves = 250_000

/** Something that is on one side only. */
interface Lone {
  readonly path: string
  readonly entry: Entry
  /** Where in the list of its side what is below it ends. */
  end: number
  /** It moved, or lies below a directory that did. */
  settled: boolean
}

/** Something that stands elsewhere with equal content. */
export interface Move {
  readonly from: Name
  readonly to: Name
  readonly before: Entry
  readonly after: Entry
}

/** What is on one side only, without what is below it, and how many differences there are in all. */
interface Tops {
  readonly removed: readonly Difference[]
  readonly added: readonly Difference[]
  readonly count: number
}

type MoveOptions = Omit<CompareTreesOptions, 'enter'>

/**
 * All changes from one tree to the other with the moves among them, in path order; undefined when one tree is
 * missing, or there are too many changes to look for moves: then these are to be had without memory.
 */
export async function diffWithMoves(
  store: Store,
  before: Entry | undefined,
  after: Entry | undefined,
  options: MoveOptions,
): Promise<Change[] | undefined> {
  if (before === undefined || after === undefined) return undefined
  const changes: Change[] = []
  const tops = await findTops(store, before, after, options, (difference) => {
    const change = toChange(difference)
    if (change) changes.push(change)
  })
  if (tops === undefined) return undefined
  const [old, now]: [Lone[], Lone[]] = [[], []]
  const moves = await findMoves(store, tops, options, old, now)
  if (moves === undefined) return undefined
  for (const { from, to, before, after } of moves) {
    const what = differences(before, after)
    changes.push({ path: to, kind: 'moved', from, before, after, what })
  }
  for (const { path, entry, settled } of old)
    if (!settled) changes.push({ path, kind: 'removed', before: entry })
  for (const { path, entry, settled } of now)
    if (!settled) changes.push({ path, kind: 'added', after: entry })
  return changes.toSorted((a, b) => comparePaths(a.path, b.path))
}

/**
 * What stands elsewhere in the second tree with equal content, files and whole directories, those of many entries
 * first; none of the two paths is in both trees, and none below another. Undefined when there are too many
 * differences to look for that. `other` is told of what is on both sides and differs.
 */
export async function movesBetween(
  store: Store,
  before: DirectoryEntry,
  after: DirectoryEntry,
  options: MoveOptions & { readonly other?: ((difference: Difference) => void) | undefined } = {},
): Promise<{ moves: Move[]; added: boolean; removed: boolean } | undefined> {
  const { other, ...rest } = options
  const tops = await findTops(store, before, after, rest, other)
  if (tops === undefined) return undefined
  const [added, removed] = [tops.added.length > 0, tops.removed.length > 0]
  const moves = added && removed ? await findMoves(store, tops, rest, [], []) : []
  return moves && { moves, added, removed }
}

async function findTops(
  store: Store,
  before: Entry,
  after: Entry,
  options: MoveOptions,
  other?: (difference: Difference) => void,
): Promise<Tops | undefined> {
  const [removed, added]: [Difference[], Difference[]] = [[], []]
  let count = 0
  for await (const batch of compareTrees(store, before, after, { ...options, enter: isOnBoth })) {
    count += batch.length
    if (count > maxChangesWithMoves) return undefined
    for (const difference of batch) {
      if (difference.after === undefined) removed.push(difference)
      else if (difference.before === undefined) added.push(difference)
      else other?.(difference)
    }
  }
  return { removed, added, count }
}

/** Fills the lists with what is on one side only, except what is below a directory that moved as a whole. */
async function findMoves(
  store: Store,
  { removed, added, count }: Tops,
  options: MoveOptions,
  old: Lone[],
  now: Lone[],
): Promise<Move[] | undefined> {
  // Whole directories first, so that what is below them need not be read.
  const [oldTop, newTop] = [removed.map(lone), added.map(lone)]
  const pairs = matchAll(oldTop, newTop)
  let seen = count
  for (const [top, all] of [
    [oldTop, old],
    [newTop, now],
  ] as const) {
    for (const one of top) {
      if (one.settled) continue
      all.push(one)
      const below = compareTrees(store, undefined, one.entry, { ...options, path: one.path })
      for await (const batch of below) {
        seen += batch.length
        if (seen > maxChangesWithMoves) return undefined
        for (const difference of batch) all.push(lone(difference))
      }
    }
    findEnds(all)
  }
  pairs.push(...matchAll(old, now))
  return pairs.map(([one, other]) => ({
    from: one.path,
    to: other.path,
    before: one.entry,
    after: other.entry,
  }))
}

function isOnBoth({ before, after }: Difference): boolean {
  return before !== undefined && after !== undefined
}

function lone({ path, before, after }: Difference): Lone {
  return { path, entry: (before ?? after)!, end: 0, settled: false }
}

/** Sets the ends of a list in path order, where what is below a directory follows it. */
function findEnds(list: readonly Lone[]): void {
  const open: Lone[] = []
  for (const [place, one] of list.entries()) {
    while (open.length > 0 && !one.path.startsWith(`${open.at(-1)!.path}/`)) open.pop()!.end = place
    open.push(one)
  }
  for (const one of open) one.end = list.length
}

/** Pairs what is equal, large directories before small ones and before files, and settles it. */
function matchAll(old: readonly Lone[], now: readonly Lone[]): [Lone, Lone][] {
  const [sources, targets] = [byContent(old), byContent(now)]
  const extent = (place: number, list: readonly Lone[]): number => Math.max(list[place]!.end - place, 0)
  const keys = [...targets.keys()].filter((key) => sources.has(key))
  const size = new Map(keys.map((key) => [key, extent(targets.get(key)![0]!, now)]))
  const moves: [Lone, Lone][] = []
  for (const key of keys.toSorted((a, b) => size.get(b)! - size.get(a)!)) {
    moves.push(...matchEqual(old, sources.get(key)!, now, targets.get(key)!))
  }
  return moves
}

/** Pairs those of equal content: first such as kept their names, then in path order. */
function matchEqual(
  old: readonly Lone[],
  oldPlaces: readonly number[],
  now: readonly Lone[],
  newPlaces: readonly number[],
): [Lone, Lone][] {
  const moves: [Lone, Lone][] = []
  const sources = oldPlaces.filter((place) => !old[place]!.settled)
  const targets = newPlaces.filter((place) => !now[place]!.settled)
  const pair = (source: number, target: number): void => {
    moves.push([old[source]!, now[target]!])
    settle(old, source)
    settle(now, target)
  }
  const named = Map.groupBy(sources.toReversed(), (place) => old[place]!.entry.name)
  for (const target of targets) {
    const source = named.get(now[target]!.entry.name)?.pop()
    if (source !== undefined) pair(source, target)
  }
  const rest = sources.filter((place) => !old[place]!.settled).toReversed()
  for (const target of targets) {
    if (now[target]!.settled) continue
    const source = rest.pop()
    if (source === undefined) break
    pair(source, target)
  }
  return moves
}

/** Places of what may have moved, by content; only what is not empty can be told from other things. */
function byContent(list: readonly Lone[]): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const [place, { entry, settled }] of list.entries()) {
    if (settled || (entry.kind !== 'file' && entry.kind !== 'directory') || entry.content === undefined)
      continue
    const key = `${entry.kind} ${entry.content.depth} ${entry.content.id}`
    const places = found.get(key)
    if (places === undefined) found.set(key, [place])
    else places.push(place)
  }
  return found
}

function settle(list: readonly Lone[], place: number): void {
  list[place]!.settled = true
  for (let n = place + 1; n < list[place]!.end; n++) list[n]!.settled = true
}
