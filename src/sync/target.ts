import type { CallOptions } from '../store/bucket.ts'
import { LayeredStore } from '../store/layered-store.ts'
import { lastOf } from './base.ts'
import { areStrangers, fetchStrangeTrees } from './fetch-strange-trees.ts'
import { fetchTrees } from './fetch-trees.ts'
import type { Head } from './head.ts'
import type { Conflict } from './merge/conflict.ts'
import { mergeHeads } from './merge/merge-heads.ts'
import type { Peer } from './peer.ts'
import { PeerStore } from './peer-store.ts'
import type { Relation } from './relation.ts'
import type { Receipt, Replica } from './replica.ts'

export interface Target {
  readonly to: Head
  readonly conflicts: readonly Conflict[]
}

/** The snapshot to go on to. All its trees are here then. */
export async function planned(
  receipt: Receipt,
  replica: Replica,
  peer: Peer,
  mine: Head,
  theirs: Head,
  relation: Relation,
  options: CallOptions,
): Promise<Target> {
  const fetchAll = areStrangers(mine, theirs) ? fetchStrangeTrees : fetchTrees
  await fetchAll(receipt, peer, theirs.snapshot.root, mine.snapshot.root, options)
  if (relation === 'forward') return { to: theirs, conflicts: [] }
  const bases = await commonBases(replica, peer, mine, theirs, options)
  for (const { snapshot } of bases)
    await fetchTrees(receipt, peer, snapshot.root, mine.snapshot.root, options)
  const { head, conflicts } = await mergeHeads(
    new LayeredStore([receipt, new PeerStore(peer)]),
    mine,
    theirs,
    bases,
    {
      signal: options.signal,
      put: (id, bytes) => receipt.putTree(id, bytes),
      putContent: (id, bytes) => receipt.putContent(id, bytes),
      basesOf: (one, other) => commonBases(replica, peer, one, other, options),
    },
  )
  return { to: head, conflicts }
}

/** Of all that either side still has, so that both find the same. */
export async function commonBases(
  replica: Replica,
  peer: Peer,
  mine: Head,
  theirs: Head,
  options: CallOptions,
): Promise<Head[]> {
  const [here, there] = await Promise.all([
    replica.bases(mine, theirs, options),
    peer.bases(mine, theirs, options),
  ])
  return lastOf([...here, ...there])
}
