import type { Name } from '../../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../../object/entry.ts'
import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import { comparePaths, directoryOf, nameOf } from '../../tree/path.ts'
import { diffWithMoves } from '../../tree/moves.ts'

/** Something that a side has moved, with all that is below it. */
export interface Move {
  readonly from: Name
  readonly to: Name
  readonly kind: 'file' | 'directory'
}

/** Where something is after these moves. */
export function movedPath(path: Name, moves: readonly Move[]): Name {
  const move = moves.find(({ from }) => isAtOrBelow(path, from))
  return move ? move.to + path.slice(move.from.length) : path
}

export function isAtOrBelow(path: Name, above: Name): boolean {
  return path === above || path.startsWith(`${above}/`)
}

/**
 * The moves that lead from one tree to another, no two of them one below the other at either end. A directory that
 * is not the same any more counts as moved, too, when more of what was in it went to one new directory than to any
 * other. Undefined when there are too many changes to look for moves.
 */
export async function findMoves(
  store: Store,
  base: DirectoryEntry,
  side: DirectoryEntry,
  options: CallOptions,
): Promise<Move[] | undefined> {
  const changes = await diffWithMoves(store, base, side, options)
  if (changes === undefined) return undefined
  const exact = changes.flatMap(({ kind, from, path, before }) =>
    kind === 'moved' && from !== undefined && before
      ? [{ from, to: path, kind: kindOf(before), weight: weightOf(before) }]
      : [],
  )
  const directories = (kind: 'removed' | 'added'): Set<Name> =>
    new Set(
      changes.flatMap((change) =>
        change.kind === kind && (change.before ?? change.after)?.kind === 'directory' ? change.path : [],
      ),
    )
  const supposed = supposeDirectories(exact, directories('removed'), directories('added'))
  const moves: Move[] = []
  const [sources, targets] = [new Apart(), new Apart()]
  for (const { from, to, kind } of [...supposed, ...exact.toSorted((a, b) => comparePaths(a.from, b.from))]) {
    if (!sources.isFree(from) || !targets.isFree(to)) continue
    sources.add(from)
    targets.add(to)
    moves.push({ from, to, kind })
  }
  return moves
}

interface Weighed extends Move {
  readonly weight: number
}

/** Directories that are gone on one side and new on the other, paired by what moved from one to the other. */
function supposeDirectories(
  exact: readonly Weighed[],
  removed: ReadonlySet<Name>,
  added: ReadonlySet<Name>,
): Move[] {
  const votes = new Map<Name, Weighed>()
  for (const { from, to, weight } of exact) {
    let [a, b] = [from, to]
    while (nameOf(a) === nameOf(b)) {
      ;[a, b] = [directoryOf(a), directoryOf(b)]
      if (!removed.has(a) || !added.has(b)) break
      const key = `${a}\0${b}`
      votes.set(key, { from: a, to: b, kind: 'directory', weight: (votes.get(key)?.weight ?? 0) + weight })
    }
  }
  const order = (a: Weighed, b: Weighed): number =>
    b.weight - a.weight || comparePaths(a.from, b.from) || comparePaths(a.to, b.to)
  return [...votes.values()].toSorted(order)
}

function kindOf({ kind }: Entry): Move['kind'] {
  return kind === 'directory' ? 'directory' : 'file'
}

function weightOf(entry: Entry): number {
  return entry.kind === 'directory' ? entry.count + 1 : 1
}

/** Paths of which none lies below another. */
class Apart {
  readonly #paths = new Set<Name>()
  readonly #above = new Set<Name>()

  isFree(path: Name): boolean {
    if (this.#above.has(path)) return false
    for (let at = path; at !== ''; at = directoryOf(at)) if (this.#paths.has(at)) return false
    return true
  }

  add(path: Name): void {
    this.#paths.add(path)
    for (let at = directoryOf(path); at !== ''; at = directoryOf(at)) this.#above.add(at)
  }
}
