import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { diffTrees } from '../history/diff.ts'
import type { Change } from '../tree/change.ts'
import { fetchTrees } from './fetch-trees.ts'
import type { Head } from './head.ts'
import type { Conflict } from './merge/conflict.ts'
import type { Mode } from './mode.ts'
import type { Peer } from './peer.ts'
import { PeerStore } from './peer-store.ts'
import { relate } from './relation.ts'
import type { Replica } from './replica.ts'
import { planned } from './target.ts'

/** What a session would do, on either side. */
export interface SyncPlan {
  readonly mine: Head
  readonly theirs: Head
  /** Where each side would be then. */
  readonly mineThen: Head
  readonly theirsThen: Head
  readonly here: AsyncIterable<Change>
  readonly there: AsyncIterable<Change>
  readonly conflicts: readonly Conflict[]
}

export interface PlanOptions extends CallOptions {
  readonly mode?: Mode | undefined
}

/** Plans a session and hands the plan to `use`; what it reads is there as long as that takes. */
export async function planSync<T>(
  replica: Replica,
  peer: Peer,
  options: PlanOptions,
  use: (plan: SyncPlan) => Promise<T>,
): Promise<T> {
  const { mode = 'two-way', signal } = options
  const [mine, theirs] = await Promise.all([replica.capture(options), peer.head(options)])
  const relation = relate(mine, theirs)
  const receipt = await replica.receive(options)
  try {
    let then = mine
    let conflicts: readonly Conflict[] = []
    if (relation === 'none')
      await fetchTrees(receipt, peer, theirs.snapshot.root, mine.snapshot.root, { signal })
    else {
      const target = await planned(receipt, replica, peer, mine, theirs, relation, { signal })
      then = target.to
      conflicts = target.conflicts
    }
    const [mineThen, theirsThen] = [mode === 'send' ? mine : then, mode === 'receive' ? theirs : then]
    const store = new LayeredStore([receipt, new PeerStore(peer)])
    const changes = (from: Head, to: Head): AsyncIterable<Change> =>
      diffTrees(store, from.snapshot.root, to.snapshot.root, { detectMoves: true, signal })
    const here = changes(mine, mineThen)
    const there = changes(theirs, theirsThen)
    return await use({ mine, theirs, mineThen, theirsThen, here, there, conflicts })
  } finally {
    await receipt.close()
  }
}
