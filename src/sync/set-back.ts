import { branchOf, compareClocks, type Clock } from '../object/clock.ts'
import { idOf } from '../object/id.ts'
import { encodeSnapshot } from '../object/snapshot.ts'
import type { CallOptions } from '../store/bucket.ts'
import { placed } from './base.ts'
import { hasForked, ownOf, tickOf } from './forked.ts'
import type { Head } from './head.ts'
import type { Peer } from './peer.ts'
import { relate } from './relation.ts'
import type { Replica } from './replica.ts'

/**
 * Whether a replica was set back to an older state of its disk: others know a snapshot of its device that its newest one
 * does not come after, though it must have made it itself. What it has made since has numbers that others have seen
 * before, and would be taken for what came before theirs, or after.
 */
export async function isSetBack(replica: Replica, mine: Head, theirs: Head): Promise<boolean> {
  const count = tickOf(replica.device, mine)?.count ?? 0
  if (count === 0) return false
  const known = tickOf(replica.device, theirs)?.count ?? 0
  return count < known || (await hasForked(replica.device, mine, theirs, (id) => replica.snapshot(id)))
}

/**
 * The same of a peer, which knows best what it has made: whether `theirs`, which by its clock comes after `mine`, does not
 * come after all that `mine` knows of its device. Asked only where what is at hand does not tell.
 */
export async function wasSetBack(
  peer: Peer,
  mine: Head,
  theirs: Head,
  options: CallOptions,
): Promise<boolean> {
  if (peer.device === undefined || relate(mine, theirs) !== 'forward') return false
  const [known, now] = [ownOf(peer.device, mine), ownOf(peer.device, theirs)]
  if (known === undefined || now === undefined || known.id === now.id) return false
  const { parents } = theirs.snapshot
  if (parents.includes(known.id) || parents.includes(mine.id)) return false
  // Of two merges of the same the peer may have the other one.
  const isMine = (base: Head): boolean => compareClocks(placed(base), placed(mine)) === 'equal'
  return !(await peer.bases(mine, theirs, options)).some(isMine)
}

/** Of those before it so many are named: no snapshot has more parents than 64. */
const maxNamed = 60

/**
 * The snapshot that a replica which was set back would have now, had it made one for each that others know of it: with
 * the tree of `mine`, after that and those before it, so that others find the last one that they have as well. Its
 * clock shows the fork that there is.
 */
export async function asFork(replica: Replica, mine: Head, theirs: Head): Promise<Head> {
  const { count } = tickOf(replica.device, theirs)!
  const clock = mine.snapshot.clock.map((tick) => {
    if (tick.device === replica.device) return { ...tick, count, id: undefined }
    return { ...tick, id: tick.id ?? mine.id }
  })
  // What others know of it under a number that is higher.
  const own = ownOf(replica.device, mine)
  if (own !== undefined && own.count > count)
    clock.push({ device: branchOf(replica.device, own.id), count: 1, id: own.id })
  const named = new Set([mine.id])
  for (const id of named) {
    for (const parent of (await replica.snapshot(id))?.snapshot.parents ?? [])
      if (named.size < maxNamed) named.add(parent)
  }
  const snapshot = { ...mine.snapshot, parents: [...named].toSorted(), clock: sorted(clock) }
  return { id: idOf(encodeSnapshot(snapshot)), snapshot }
}

function sorted(clock: Clock): Clock {
  const unique = new Map(clock.map((tick) => [tick.device, tick]))
  return [...unique.values()].toSorted((a, b) => (a.device < b.device ? -1 : 1))
}
