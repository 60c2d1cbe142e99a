import type { Ids, Profile, Resolved, SetRoot, Sketch, SketchKey } from '../reconcile/index.ts'

type Awaitable<T> = T | Promise<T>

/** The set of the one who asks. `SetIndex` is one; a database can be another. Entries are known by numbers. */
export interface LocalSet {
  readonly root: SetRoot
  sketch(options: { salt: SketchKey; size: number; profile: Profile }): Awaitable<Sketch>
  /** Which ids of a difference are this set's own entries. */
  resolve(key: SketchKey, ids: Ids): Awaitable<Resolved>
  /** The ids of all entries. */
  ids(key: SketchKey): Awaitable<Ids>
  /** The root without the entries `removed` and with the digests `added`. */
  rootAfter(removed: readonly number[], added: Uint8Array): SetRoot
}
