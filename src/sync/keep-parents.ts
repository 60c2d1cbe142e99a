import { isTidemarkError } from '../errors.ts'
import type { Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { fetchTrees } from './fetch-trees.ts'
import type { Head } from './head.ts'
import { noDevice } from './merge/merge-heads.ts'
import type { Peer } from './peer.ts'
import type { Receipt, Replica } from './replica.ts'

/** Snapshots that are asked for at a time, and at most for one that was taken in. */
export const parentsAtOnce = 16
const mostParents = 64

/**
 * Has a replica keep what it has to hold before it may go on to `head`: the last snapshot of each device, as the clock
 * names them, and what merges on the way were made of; snapshots and trees, without contents. Of any two snapshots whose
 * holders do so, one of them has for each device the last snapshot that both know: what one user did is never taken for
 * the work of two (docs/format/merge.md, "What a replica holds"). Of `head` and `met` the trees are here.
 *
 * What the peer has not got any more is left out. Rejects what the peer rejects otherwise: then `head` has to wait.
 */
export async function keepNamed(
  receipt: Receipt,
  replica: Replica,
  peer: Peer,
  head: Head,
  met: readonly Head[],
  options: CallOptions,
): Promise<void> {
  if (receipt.putSnapshot === undefined) return
  for (const one of met)
    if (one.id !== head.id && (await replica.snapshot(one.id, options)) === undefined)
      await receipt.putSnapshot(one)
  const named = head.snapshot.clock.flatMap(({ id }) => id ?? [])
  await keep(
    receipt,
    replica,
    peer,
    head,
    [...parentsOfMerges([head, ...met]), ...named],
    parentsOfMerges,
    options,
  )
}

/**
 * Has it keep what came before `head` besides, back to what it knows: the nearer the last that two have in common is to
 * both, the less is merged again. Does what it can, and rejects nothing but `cancelled`.
 */
export async function keepParents(
  receipt: Receipt,
  replica: Replica,
  peer: Peer,
  head: Head,
  options: CallOptions,
): Promise<void> {
  if (receipt.putSnapshot === undefined) return
  try {
    await keep(receipt, replica, peer, head, head.snapshot.parents, parentsOf, options)
  } catch (error) {
    if (!isTidemarkError(error) || options.signal?.aborted === true) throw error
  }
}

function parentsOf(heads: readonly Head[]): Id[] {
  return heads.flatMap(({ snapshot }) => snapshot.parents)
}

/** No clock names merges, nor tells what they were made of. */
function parentsOfMerges(heads: readonly Head[]): Id[] {
  return parentsOf(heads.filter(({ snapshot }) => snapshot.device === noDevice))
}

/** Fetches of `wanted`, and of what `further` says of what came, what is not here. */
async function keep(
  receipt: Receipt,
  replica: Replica,
  peer: Peer,
  head: Head,
  wanted: readonly Id[],
  further: (heads: readonly Head[]) => Id[],
  options: CallOptions,
): Promise<void> {
  const { folder, root } = head.snapshot
  const asked = new Set([head.id])
  for (let next = wanted; next.length > 0 && asked.size <= mostParents;) {
    const missing: Id[] = []
    for (const id of new Set(next)) {
      if (asked.has(id)) continue
      asked.add(id)
      if ((await replica.snapshot(id, options)) === undefined) missing.push(id)
    }
    const found: Head[] = []
    for (let at = 0; at < missing.length; at += parentsAtOnce)
      found.push(...((await peer.snapshots?.(missing.slice(at, at + parentsAtOnce), options)) ?? []))
    for (const one of found) {
      if (one.snapshot.folder !== folder || !missing.includes(one.id)) return
      if (await fetched(receipt, peer, one, root, options)) await receipt.putSnapshot!(one)
    }
    next = further(found)
  }
}

/** Whether all trees of a snapshot are here now: the peer need not have them whole any more. */
async function fetched(
  receipt: Receipt,
  peer: Peer,
  { snapshot: { root } }: Head,
  known: Head['snapshot']['root'],
  options: CallOptions,
): Promise<boolean> {
  try {
    await fetchTrees(receipt, peer, root, known, options)
    return true
  } catch (error) {
    if (isTidemarkError(error, 'missing', 'corrupt', 'unsupported', 'limit')) return false
    throw error
  }
}
