import { isTidemarkError } from '../errors.ts'
import type { Conflict } from './merge/conflict.ts'
import type { Peer } from './peer.ts'
import { isBusy, maxAttempts, type Pulled, type PullOptions } from './pulled.ts'
import type { Replica } from './replica.ts'
import { takeIn } from './take-in.ts'

export type Settled = Pick<Pulled, 'head' | 'conflicts' | 'problems'>

/** By replica: where it stands, and what it could not go on to from there. */
const stuck = new WeakMap<Replica, string>()

/**
 * Captures a replica, and brings to its end what it had begun to take in before it was stopped or met files that
 * somebody was changing. Until then its working files are in part what it took in, though its newest snapshot does
 * not come after that: told to others, it would look as if its user had made it, and what others do to it meanwhile
 * would be undone. `peer` is asked for what is not here.
 */
export async function settle(
  replica: Replica,
  peer: Peer,
  options: Pick<PullOptions, 'signal' | 'guard'> = {},
): Promise<Settled> {
  const conflicts: Conflict[] = []
  for (let attempt = 1; ; attempt++) {
    const head = await replica.capture(options)
    const pending = await replica.pending?.(options)
    const key = pending && head.id + pending.to.id
    // Where nothing of it was done, there is nothing to make good.
    if (pending === undefined || head.id === pending.from.id || stuck.get(replica) === key)
      return { head, conflicts, problems: [] }
    try {
      const taken = await takeIn(replica, peer, head, pending.to, options)
      conflicts.push(...taken.conflicts)
      const again = !taken.done && isBusy(taken) && taken.head.id !== head.id
      if (!taken.done && !again) stuck.set(replica, taken.head.id + pending.to.id)
      if (!again || attempt === maxAttempts) return { ...taken, conflicts }
    } catch (error) {
      // It was taken back: whoever has it tells of it again, or of something that fits.
      if (isTidemarkError(error, 'full'))
        return { head: await replica.capture(options), conflicts, problems: [] }
      // Without what it needs it is as good as forgotten.
      if (isTidemarkError(error, 'missing', 'limit')) return { head, conflicts, problems: [] }
      if (!isTidemarkError(error, 'conflict') || attempt === maxAttempts) throw error
    }
  }
}
