import { isTidemarkError } from '../errors.ts'
import { nothingDone } from '../folder/apply/apply.ts'
import type { Peer } from './peer.ts'
import { isBusy, maxAttempts, type Pulled, type PullOptions } from './pulled.ts'
import { relate } from './relation.ts'
import type { Replica } from './replica.ts'
import { isSetBack, wasSetBack } from './set-back.ts'
import { settle, type Settled } from './settle.ts'
import { takeIn } from './take-in.ts'

/**
 * Takes in what a peer has: goes on to its newest snapshot, or to a merge of that and the own one. Only what is
 * not here is fetched. Files that somebody changes meanwhile are left alone, and planned again.
 *
 * Rejects `limit` when too much would vanish, with nothing done; `busy` when files keep changing; what the peer
 * and the replica reject. Whatever was done until then is whole: each path has its old or its new content.
 */
export async function pull(replica: Replica, peer: Peer, options: PullOptions = {}): Promise<Pulled> {
  let { mine } = options
  for (let attempt = 1; ; attempt++) {
    mine ??= (await settle(replica, peer, options)).head
    const theirs = options.theirs ?? (await peer.head(options))
    // Unless it has made what they know of it since it was asked.
    if (await isSetBack(replica, mine, theirs)) mine = (await settle(replica, peer, options)).head
    // It has to merge that itself, when it is offered what it had made and lost.
    if (await wasSetBack(peer, mine, theirs, options))
      return {
        relation: 'none',
        head: mine,
        theirs,
        done: false,
        conflicts: [],
        counts: nothingDone(),
        problems: [],
      }
    try {
      const pulled = await takeIn(replica, peer, mine, theirs, options)
      const again = !pulled.done && isBusy(pulled)
      const settled = again ? await settle(replica, peer, options) : undefined
      const isDone = settled === undefined || relate(settled.head, theirs) === 'none'
      if (isDone || attempt === maxAttempts) {
        const all = settled === undefined ? pulled : together(pulled, settled, isDone)
        options.onPulled?.(all)
        return all
      }
      mine = settled.head
    } catch (error) {
      if (!isTidemarkError(error, 'conflict') || attempt === maxAttempts) throw error
      mine = undefined
    }
  }
}

/** What was not done at once, and then was, or not. */
function together(pulled: Pulled, settled: Settled, done: boolean): Pulled {
  const conflicts = [...pulled.conflicts, ...settled.conflicts]
  return { ...pulled, head: settled.head, done, conflicts, problems: settled.problems }
}
