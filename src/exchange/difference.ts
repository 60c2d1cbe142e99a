import { digestLength, sha256, type Ids, type SetRoot, type SketchKey } from '../reconcile/index.ts'
import type { LocalSet } from './local-set.ts'
import type { Cost } from './remote-set.ts'

/** How a difference was learned, from the cheapest way to the dearest. */
export type Way = 'equal' | 'sketch' | 'ids'

/** What separates a local set from a remote one. */
export interface Difference {
  /** Ids, under `key`, of what only the remote set has. */
  readonly addedIds: Ids
  /** The bytes of those items, in the same order; empty when they were not asked for. */
  readonly added: Uint8Array[]
  /** Entries of the local set that the remote set does not have. */
  readonly removed: number[]
  readonly way: Way
  /**
   * True when the difference is proven to lead from the local root to the remote one. Without the items that
   * were added it cannot be; then every cell has come out empty and the number of items is right.
   */
  readonly proven: boolean
  /** The remote set's root: the local one's, once the difference is applied. */
  readonly root: SetRoot
  /** The salt that the ids are under; undefined when the sets are equal. */
  readonly key: SketchKey | undefined
  readonly cost: Cost
}

/** Whether taking out `removed` and adding `added` leads from the local root to `root`. */
export function leadsTo(
  local: LocalSet,
  root: SetRoot,
  removed: readonly number[],
  added: readonly Uint8Array[],
  digest: (bytes: Uint8Array) => Uint8Array = sha256,
): boolean {
  const digests = new Uint8Array(digestLength * added.length)
  added.forEach((item, at) => digests.set(digest(item), digestLength * at))
  return local.rootAfter(removed, digests).equals(root)
}

/** The difference of equal sets. */
export function none(root: SetRoot, cost: Cost): Difference {
  return {
    addedIds: new Int32Array(0),
    added: [],
    removed: [],
    way: 'equal',
    proven: true,
    root,
    key: undefined,
    cost,
  }
}
