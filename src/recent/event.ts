import type { Name } from '../bytes/name.ts'
import type { Epoch } from './epoch.ts'

/** Something that happened in the tree: an entry came or changed (`new`), or went (`delete`). */
export interface RecentEvent {
  readonly epoch: Epoch
  /** From the root of the tree, parts joined by `/`. Not checked: see `checkPath`. */
  readonly path: Name
  readonly type: EventType
  /** What came, as `parseDetail` reads it. The key `Tidemark` of the event; the Perl programs know none. */
  readonly detail?: string | undefined
}

export type EventType = 'new' | 'delete'
