import { compareNames } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import type { StateLeaf } from '../state.ts'

/** Some successive names of a directory, from place `from` up to `to`, and what is remembered of them. */
export interface Window {
  readonly from: number
  readonly to: number
  readonly leaf: StateLeaf | undefined
}

/** A new directory is taken so many names at a time, to bound what is in memory of a huge one. */
const mostNew = 1024

/**
 * Cuts the sorted `names` of a directory at the leaves that are remembered of it: each window has the names
 * from its leaf's first to the next leaf's.
 */
export function* windows(names: readonly Name[], leaves: Iterable<StateLeaf>): Generator<Window> {
  let from = 0
  let leaf: StateLeaf | undefined
  for (const next of leaves) {
    // Names before the first leaf go with it.
    if (leaf) {
      const to = lowerBound(names, next.first, from)
      yield { from, to, leaf }
      from = to
    }
    leaf = next
  }
  if (leaf) yield { from, to: names.length, leaf }
  else
    for (; from < names.length; from += mostNew)
      yield { from, to: Math.min(from + mostNew, names.length), leaf }
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
