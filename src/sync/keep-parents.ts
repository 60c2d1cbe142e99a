import { isTidemarkError } from '../errors.ts'
import type { CallOptions } from '../store/bucket.ts'
import { fetchTrees } from './fetch-trees.ts'
import type { Head } from './head.ts'
import type { Peer } from './peer.ts'
import type { Receipt, Replica } from './replica.ts'

/** Snapshots that are asked for at a time, and at most for one that was taken in. */
export const parentsAtOnce = 16
const mostParents = 64

/**
 * Has a replica keep what came before `head`, which it has taken in, back to what it knows: snapshots and trees, without
 * contents. Copies that have each taken in another merge of the same changes find them there: without them an older base
 * would be taken, and what one user did look like the work of two. Does what it can, and rejects nothing but `cancelled`.
 */
export async function keepParents(
  receipt: Receipt,
  replica: Replica,
  peer: Peer,
  head: Head,
  options: CallOptions,
): Promise<void> {
  if (peer.snapshots === undefined || receipt.putSnapshot === undefined) return
  try {
    const met = new Set([head.id])
    let next = [head]
    while (next.length > 0 && met.size <= mostParents) {
      const missing = []
      for (const id of new Set(next.flatMap(({ snapshot }) => snapshot.parents))) {
        if (met.has(id)) continue
        met.add(id)
        if ((await replica.snapshot(id, options)) === undefined) missing.push(id)
      }
      next = []
      for (let at = 0; at < missing.length; at += parentsAtOnce)
        next.push(...(await peer.snapshots(missing.slice(at, at + parentsAtOnce), options)))
      for (const parent of next) {
        if (parent.snapshot.folder !== head.snapshot.folder || !missing.includes(parent.id)) return
        await fetchTrees(receipt, peer, parent.snapshot.root, head.snapshot.root, options)
        await receipt.putSnapshot(parent)
      }
    }
  } catch (error) {
    if (!isTidemarkError(error) || options.signal?.aborted === true) throw error
  }
}
