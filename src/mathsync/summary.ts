/** What separates two sets of items. */
export interface Changes {
  /** Items that the summarised set has more. */
  readonly added: Uint8Array[]
  /** Items that it has less. */
  readonly removed: Uint8Array[]
}

/** A set of items as it travels: a filter of cells, or all of it. Values: every method returns a new one. */
export interface Summary {
  /** The summary with these items more. */
  plus(...items: readonly Uint8Array[]): Summary
  plusMany(items: Iterable<Uint8Array>): Summary
  /** The summary with these items less. Taken from a remote summary, one's own items leave the difference. */
  minus(...items: readonly Uint8Array[]): Summary
  minusMany(items: Iterable<Uint8Array>): Summary
  /** The summary of both sets together: of shards, for instance. `usage` when the two are of different kinds. */
  merge(other: Summary): Summary
  /** The items that are left; undefined when there are too many for the cells. */
  toDifference(): Changes | undefined
  /** mathsync's JSON, as a value to stringify. */
  toJSON(): unknown
}

/** In mathsync's order: shorter ones first, then by bytes as signed numbers. */
export function compareItems(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length
  for (let at = 0; at < a.length; at++) {
    const difference = ((a[at]! << 24) >> 24) - ((b[at]! << 24) >> 24)
    if (difference !== 0) return difference
  }
  return 0
}
