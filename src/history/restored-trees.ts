import { displayName, type Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { LiveDifferences } from '../folder/apply/live-differences.ts'
import { isReserved } from '../folder/apply/step.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import type { Store } from '../store/store.ts'
import type { Difference } from '../tree/compare-directories.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { lookUp } from '../tree/directory.ts'
import { comparePaths, joinPath, splitPath } from '../tree/path.ts'

/** A tree and where to read it. */
export interface StoredTree {
  readonly store: Store
  readonly root: DirectoryEntry
}

/** One of the paths to restore, with the directories that lead to it. */
export interface Selected {
  readonly path: Name
  readonly entry: Entry
  readonly above: readonly { readonly path: Name; readonly entry: DirectoryEntry }[]
}

/**
 * The entries at `paths`, in path order, none of them below another. Rejects `missing` for a path that is not
 * in the tree.
 */
export async function selectPaths(
  { store, root }: StoredTree,
  paths: readonly Name[],
  options: CallOptions = {},
): Promise<Selected[]> {
  const wanted = [...new Set(paths.map((path) => splitPath(path).join('/')))].toSorted(comparePaths)
  const selected: Selected[] = []
  for (const path of wanted) {
    const last = selected.at(-1)
    if (last !== undefined && (last.path === '' || path.startsWith(`${last.path}/`))) continue
    const above: { path: Name; entry: DirectoryEntry }[] = []
    let entry: Entry | undefined = root
    let at: Name = ''
    for (const name of splitPath(path)) {
      if (entry?.kind === 'directory') above.push({ path: at, entry })
      entry = entry?.kind === 'directory' ? await lookUp(store, entry, name, options) : undefined
      at = joinPath(at, name)
    }
    if (entry === undefined) throw new TidemarkError('missing', `no ${displayName(path)} in this snapshot`)
    selected.push({ path, entry, above })
  }
  return selected
}

/** What stands at a path now, and what differs below it. */
export interface Present {
  at(path: Name, wanted: Entry): Promise<Entry | undefined>
  from(path: Name, wanted: Entry): AsyncIterable<readonly Difference[]>
}

/** From what a real directory shows when it is looked at. */
export function presentLive(live: LiveDifferences): Present {
  return {
    at: async (path, wanted) => live.at(path, wanted),
    from: (path, wanted) => live.from(path, wanted),
  }
}

interface PresentTreeOptions extends CallOptions {
  readonly extra: boolean
  /** For what the tree of the directory does not have, because it was left out of it. */
  readonly live: Present
  readonly leftOut: (path: Name, wanted: Entry) => boolean
  /** Called for what is wanted but left out, and so not told, with all that is below it. */
  readonly onLeftOut: (wanted: Entry) => void
}

/**
 * From a tree that was made of the directory just now: what it shares with the wanted one is never looked at. What is
 * left out of such trees is left alone, but for the paths that are asked for themselves.
 */
export function presentTree(store: Store, current: StoredTree, options: PresentTreeOptions): Present {
  const both = new LayeredStore([current.store, store])
  const { signal, live, leftOut, onLeftOut } = options
  const inTree = (path: Name): Promise<Entry | undefined> => lookUp(both, current.root, path, { signal })
  const isLeft = ({ path, before, after }: Difference): boolean => leftOut(path, (after ?? before)!)
  const enter = (difference: Difference): boolean =>
    !isReserved(difference.path) &&
    (difference.after?.kind === 'directory' || options.extra) &&
    !isLeft(difference)
  return {
    at: async (path, wanted) => (await inTree(path)) ?? live.at(path, wanted),
    async *from(path, wanted) {
      const before = await inTree(path)
      if (before === undefined) {
        yield* live.from(path, wanted)
        return
      }
      yield [{ path, before, after: wanted }]
      if (!enter({ path, before, after: wanted })) return
      for await (const batch of compareTrees(both, before, wanted, { path, enter, signal })) {
        const left = batch.filter(isLeft)
        for (const { after } of left) if (after) onLeftOut(after)
        yield left.length === 0 ? batch : batch.filter((difference) => !left.includes(difference))
      }
    },
  }
}

/** Nothing is there. */
export function presentNothing(store: Store, { signal }: CallOptions): Present {
  return {
    at: async () => undefined,
    async *from(path, wanted) {
      yield [{ path, before: undefined, after: wanted }]
      yield* compareTrees(store, undefined, wanted, { path, signal })
    },
  }
}

/** All differences of the selected paths, each with the directories above it, in path order. */
export async function* differencesOf(
  present: Present,
  selected: readonly Selected[],
): AsyncGenerator<readonly Difference[]> {
  const told = new Set<Name>()
  for (const { path, entry, above } of selected) {
    for (const { path, entry } of above) {
      if (told.has(path)) continue
      told.add(path)
      yield [{ path, before: await present.at(path, entry), after: entry }]
    }
    yield* present.from(path, entry)
  }
}
