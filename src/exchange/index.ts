/**
 * Reconciling over the wire: sources of items, a server's handler and a client, on web standards only
 * (`Request`, `Response`, `fetch`, streams). It imports nothing but `tidemark/reconcile`.
 */
export { compare, type CompareOptions } from './compare.ts'
export type { Difference, Way } from './difference.ts'
export { acceptInto } from './accept.ts'
export { setHandler, type HandlerOptions } from './handler.ts'
export { indexItems, type IndexOptions, type Serialize } from './index-items.ts'
export { SqlSet, type RunSql } from './sql-set.ts'
export { itemsOf, type Source } from './source.ts'
export type { LocalSet } from './local-set.ts'
export { pull, type PullOptions } from './pull.ts'
export { push, reconcile, type Pushed, type Reconciled, type ReconcileOptions } from './reconcile.ts'
export { RemoteSet, type Cost, type Fetch, type Opening, type RemoteOptions } from './remote-set.ts'
export { ServedIndex, type Epoch, type ServedSet } from './served-set.ts'
export type { Comparison, Push } from './wire.ts'
