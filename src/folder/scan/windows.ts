import { compareNames } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import { corrupt } from '../../errors.ts'
import type { Entry } from '../../object/entry.ts'
import { decodeLeaf } from '../../object/tree.ts'
import type { StateLeaf } from '../state.ts'

/** Some successive names of a directory, and what is remembered of them. */
export interface Window {
  readonly names: readonly Name[]
  readonly leaf: StateLeaf | undefined
  /** The leaf's entries. */
  readonly entries: readonly Entry[]
  readonly sameNames: boolean
}

/** A new directory is taken so many names at a time, to bound what is in memory of a huge one. */
const mostNew = 1024

/**
 * Cuts the sorted `names` of a directory at the leaves that are remembered of it: each window has the names
 * from its leaf's first to the next leaf's. Without `names` those remembered are taken.
 */
export function* windows(names: readonly Name[] | undefined, leaves: Iterable<StateLeaf>): Generator<Window> {
  let at = 0
  let leaf: StateLeaf | undefined
  const upTo = function* (end: number): Generator<Window> {
    const known = leaf
    const entries = known ? decodeLeaf(known.bytes) : []
    if (known && known.stats.length !== 2 * entries.length)
      throw corrupt('folder state', 'a leaf lacks its stats')
    const part = names === undefined ? entries.map((entry) => entry.name) : names.slice(at, end)
    at = end
    const sameNames = part.length === entries.length && part.every((name, n) => name === entries[n]!.name)
    if (known) yield { names: part, leaf: known, entries, sameNames }
    else
      for (let from = 0; from < part.length; from += mostNew) {
        yield { names: part.slice(from, from + mostNew), leaf: undefined, entries, sameNames: false }
      }
  }
  for (const next of leaves) {
    // Names before the first leaf go with it.
    if (leaf) yield* upTo(names === undefined ? 0 : lowerBound(names, next.first, at))
    leaf = next
  }
  yield* upTo(names?.length ?? 0)
}

/** The index, from `from` on, of the first name that is not before `name`. */
function lowerBound(names: readonly Name[], name: Name, from: number): number {
  let low = from
  let high = names.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareNames(names[middle]!, name) < 0) low = middle + 1
    else high = middle
  }
  return low
}
