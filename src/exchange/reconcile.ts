import { TidemarkError } from '../errors.ts'
import { general, SetIndex, type SketchKey } from '../reconcile/index.ts'
import { compare, type CompareOptions } from './compare.ts'
import type { Difference, Way } from './difference.ts'
import { indexItems, type Serialize } from './index-items.ts'
import { pull } from './pull.ts'
import { RemoteSet, type Cost, type RemoteOptions } from './remote-set.ts'
import type { Source } from './source.ts'

export interface ReconcileOptions<T> extends CompareOptions, RemoteOptions {
  /** The items here, or an index of them that is kept between calls. */
  readonly local: Source<T> | SetIndex<T>
  /** The base URL of a served set, or a remote set made from one. */
  readonly remote: string | URL | RemoteSet
  readonly serialize: Serialize<T>
  readonly deserialize: (bytes: Uint8Array) => T
  /** Which side decodes: this one ('pull', when left out), or the remote one ('compare'). */
  readonly by?: 'pull' | 'compare'
}

/** What to add to the local items, and what to remove from them, to have the remote ones. */
export interface Reconciled<T> {
  readonly added: T[]
  readonly removed: T[]
  readonly way: Way
  readonly cost: Cost
}

/**
 * Learns what to add to and to remove from the local items so that they equal the remote ones. Nothing is changed
 * on either side.
 *
 * ```ts
 * const { added, removed } = await reconcile({
 *   local: ['key1:value1', 'key2:value2'],
 *   remote: 'https://example.org/set',
 *   serialize: (text) => new TextEncoder().encode(text),
 *   deserialize: (bytes) => new TextDecoder().decode(bytes),
 * })
 * ```
 */
export async function reconcile<T>(options: ReconcileOptions<T>): Promise<Reconciled<T>> {
  const { index, difference } = await learn(options)
  return {
    added: difference.added.map((item) => options.deserialize(item)),
    removed: difference.removed.map((entry) => index.item(entry)),
    way: difference.way,
    cost: difference.cost,
  }
}

/** What `push` did. */
export interface Pushed {
  /** How many items were sent, and how many were asked to be taken out. */
  readonly sent: number
  readonly takenOut: number
  readonly cost: Cost
}

/**
 * Makes the remote set equal to the local items: sends what it lacks and names what it has too much. Resolves only
 * when the remote set has the local root afterwards; `conflict` when it does not.
 */
export async function push<T>(options: Omit<ReconcileOptions<T>, 'deserialize'>): Promise<Pushed> {
  const { index, remote, difference } = await learn({ ...options, items: false })
  const { addedIds, removed, key, cost } = difference
  if (key === undefined) return { sent: 0, takenOut: 0, cost }
  await remote.push(key.salt, {
    added: removed.map((entry) => options.serialize(index.item(entry))),
    removed: addedIds,
  })
  await confirm(index, remote, key)
  return { sent: removed.length, takenOut: addedIds.length / 2, cost }
}

async function confirm<T>(index: SetIndex<T>, remote: RemoteSet, key: SketchKey): Promise<void> {
  const opening = await remote.open(index.root, { salt: key.salt, profile: general, cells: 0 })
  if (opening === 'equal') return
  throw new TidemarkError('conflict', 'The remote set is not equal to the local one after the push')
}

async function learn<T>(
  options: Omit<ReconcileOptions<T>, 'deserialize'>,
): Promise<{ index: SetIndex<T>; remote: RemoteSet; difference: Difference }> {
  const { local, serialize, digest, signal, by = 'pull' } = options
  const index =
    local instanceof SetIndex
      ? local
      : await indexItems(local, {
          serialize,
          ...(digest === undefined ? {} : { digest }),
          ...(signal === undefined ? {} : { signal }),
        })
  const remote = options.remote instanceof RemoteSet ? options.remote : new RemoteSet(options.remote, options)
  const difference = await (by === 'compare' ? compare : pull)(index, remote, options)
  return { index, remote, difference }
}
