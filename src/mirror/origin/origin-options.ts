import type { Name } from '../../bytes/name.ts'
import type { TidemarkError } from '../../errors.ts'
import type { Change, Interval, Producer } from '../../recent/index.ts'
import type { Stamp } from './origin-state.ts'

export const defaultIntervals: readonly Interval[] = ['1h', '6h', '1d', '1W', '1M', '1Q', '1Y', 'Z']

export interface OriginOptions {
  /** Of a tree that has no index yet; else those of the index that is there. */
  readonly intervals?: readonly Interval[] | undefined
  readonly suffix?: '.yaml' | '.json' | undefined
  readonly comment?: string | undefined
  /** List everything anew, even if there is an index. */
  readonly afresh?: boolean | undefined
  readonly producer?: Producer | undefined
  /** Milliseconds to wait for a lock of the index. */
  readonly patienceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Something cannot be read and stays as it was listed, if it was. */
  readonly onProblem?: ((path: Name, error: TidemarkError) => void) | undefined
  readonly onProgress?: ((counts: Counts) => void) | undefined
}

export interface Counts {
  /** Entries that were not as the index had them, as far as that could be told without reading them. */
  readonly looked: number
  readonly bytes: number
}

/** What a look at the tree has led to. */
export interface CheckReport {
  /** A first listing was made: of `entries`. */
  readonly first: boolean
  /** How many entries the index lists. */
  readonly entries: number
  /** What the index was told of, or would be: `new` and `delete`. */
  readonly changes: readonly Change[]
  /** Files that changed while they were read: look again. */
  readonly unstable: readonly Name[]
}

/** A change, and what the entry was like. */
export interface Noted extends Change {
  readonly stamp?: Stamp | undefined
}
