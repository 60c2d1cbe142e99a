import type { Id } from '../object/id.ts'
import type { Snapshot } from '../object/snapshot.ts'

/** A snapshot with its id: the newest of a replica, or one of those before it. */
export interface Head {
  readonly id: Id
  readonly snapshot: Snapshot
}
