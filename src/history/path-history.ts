import type { Name } from '../bytes/name.ts'
import type { Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { lookUp } from '../tree/directory.ts'
import { equalData, equalEntries } from '../tree/equal-entries.ts'
import { splitPath } from '../tree/path.ts'
import { diffBatches } from './diff.ts'
import { lineage, type LoggedSnapshot } from './log.ts'

/** What a snapshot did to a path. */
export interface PathEvent {
  readonly snapshot: LoggedSnapshot
  /** The path in that snapshot; in what was deleted, before it. */
  readonly path: Name
  /** `modified`: other content, or another kind of thing; `metadata`: the same content, marked otherwise. */
  readonly change: 'created' | 'modified' | 'metadata' | 'renamed' | 'deleted'
  /** Where it was before, when it was renamed. */
  readonly from?: Name | undefined
  /** What is there in that snapshot; absent when it was deleted. */
  readonly entry?: Entry | undefined
}

export interface PathHistoryOptions extends CallOptions {
  /** Only this snapshot and what came before it; by default the history of all. */
  readonly from?: LoggedSnapshot | undefined
}

/**
 * The snapshots that did something to what stands at `path`, newest first, back through renames and merges.
 * `snapshots` come newest first (see `listSnapshots`).
 *
 * Of a merge only that parent is followed which agrees with it, if one does. A rename is followed when the
 * content stayed the same (see `diffTrees`); with other content it ends as `created`. What was there before a
 * deletion is followed as well.
 */
export async function* pathHistory(
  store: Store,
  snapshots: readonly LoggedSnapshot[],
  path: Name,
  options: PathHistoryOptions = {},
): AsyncGenerator<PathEvent> {
  const { from, signal } = options
  const lines = lineage(snapshots)
  const wanted = new Map<number, Set<Name>>()
  const follow = (place: number, path: Name): void => {
    const paths = wanted.get(place)
    if (paths === undefined) wanted.set(place, new Set([path]))
    else paths.add(path)
  }
  const heads = from === undefined ? headsOf(lines) : [snapshots.findIndex(({ id }) => id === from.id)]
  const start = splitPath(path).join('/')
  for (const place of heads) follow(place, start)
  const read = reader(store, snapshots, { signal })

  for (const [place, snapshot] of snapshots.entries()) {
    for (const path of wanted.get(place) ?? []) {
      const entry = await read(place, path)
      const parents: Version[] = []
      for (const parent of lines[place]!) parents.push({ place: parent, entry: await read(parent, path) })
      const equal = parents.find((parent) => isSame(parent.entry, entry))
      if (equal !== undefined) {
        follow(equal.place, path)
        continue
      }
      const having = parents.filter((parent) => parent.entry !== undefined)
      for (const { place } of having) follow(place, path)
      if (entry === undefined) {
        if (having.length > 0) yield { snapshot, path, change: 'deleted' }
      } else if (having.length > 0) {
        yield {
          snapshot,
          path,
          change: isModified(having[0]!.entry!, entry) ? 'modified' : 'metadata',
          entry,
        }
      } else {
        const move = await findSource(store, snapshots, snapshot, parents, path, signal)
        if (move === undefined) {
          yield { snapshot, path, change: 'created', entry }
          // Something else may have been there once.
          if (parents.length > 0) follow(parents[0]!.place, path)
        } else {
          yield { snapshot, path, change: 'renamed', from: move.from, entry }
          follow(move.place, move.from)
        }
      }
    }
    wanted.delete(place)
  }
}

interface Version {
  readonly place: number
  readonly entry: Entry | undefined
}

/** Places of the snapshots that nothing came after. */
function headsOf(lines: readonly number[][]): number[] {
  const parents = new Set(lines.flat())
  return [...lines.keys()].filter((place) => !parents.has(place))
}

/** Looks paths up, those in equal trees once. */
function reader(
  store: Store,
  snapshots: readonly LoggedSnapshot[],
  options: CallOptions,
): (place: number, path: Name) => Promise<Entry | undefined> {
  const known = new Map<string, Promise<Entry | undefined>>()
  return (place, path) => {
    const { root } = snapshots[place]!.snapshot
    if (path === '' || root.content === undefined) return lookUp(store, root, path, options)
    const key = `${root.content.depth} ${root.content.id}${path}`
    const found = known.get(key) ?? lookUp(store, root, path, options)
    known.set(key, found)
    return found
  }
}

function isSame(a: Entry | undefined, b: Entry | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalEntries(a, b)
}

function isModified(before: Entry, after: Entry): boolean {
  return before.kind !== after.kind || !equalData(before, after)
}

/** From which path of which parent the thing at `path` came, if it or a directory above it was moved there. */
async function findSource(
  store: Store,
  snapshots: readonly LoggedSnapshot[],
  { snapshot }: LoggedSnapshot,
  parents: readonly Version[],
  path: Name,
  signal: AbortSignal | undefined,
): Promise<{ place: number; from: Name } | undefined> {
  for (const { place } of parents) {
    const before = snapshots[place]!.snapshot.root
    for await (const batch of diffBatches(store, before, snapshot.root, { detectMoves: true, signal })) {
      for (const change of batch) {
        if (change.kind !== 'moved') continue
        if (path === change.path) return { place, from: change.from! }
        if (path.startsWith(`${change.path}/`))
          return { place, from: change.from! + path.slice(change.path.length) }
      }
    }
  }
  return undefined
}
