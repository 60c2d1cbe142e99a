import type { Name } from '../bytes/name.ts'
import type { Entry } from './entry.ts'
import { LeafWalk } from './leaf-walk.ts'

/** A leaf that was compared with another. */
export interface ComparedLeaf {
  readonly first: Name
  readonly last: Name
  /** Its entries without those that the other has too, byte for byte. */
  readonly entries: readonly Entry[]
}

/**
 * Compares two leaves without decoding the entries that are in both: most of them, as a rule. Throws `corrupt`
 * for what is no leaf, names out of order included; what is in both is not looked at any closer.
 */
export function compareLeaves(a: Uint8Array, b: Uint8Array): [ComparedLeaf, ComparedLeaf] {
  const [left, right] = [new LeafWalk(a), new LeafWalk(b)]
  const [before, after]: [Entry[], Entry[]] = [[], []]
  while (left.isAtEntry && right.isAtEntry) {
    if (left.passShared(right)) continue
    const order = left.compareName(right)
    if (order <= 0) take(left, before)
    if (order >= 0) take(right, after)
  }
  while (left.isAtEntry) take(left, before)
  while (right.isAtEntry) take(right, after)
  return [
    { first: left.first, last: left.last, entries: before },
    { first: right.first, last: right.last, entries: after },
  ]
}

function take(leaf: LeafWalk, entries: Entry[]): void {
  entries.push(leaf.entry())
  leaf.next()
}
