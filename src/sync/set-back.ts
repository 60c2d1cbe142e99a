import type { Tick } from '../object/clock.ts'
import { idOf } from '../object/id.ts'
import { encodeSnapshot } from '../object/snapshot.ts'
import type { Head } from './head.ts'
import type { Replica } from './replica.ts'

/**
 * Whether a replica was set back to an older state of its disk: others know more snapshots of its device than its
 * newest one does, which it must have made itself. What it has made since has numbers that others have seen before,
 * and would be taken for what came before theirs.
 */
export function isSetBack(device: string, mine: Head, theirs: Head): boolean {
  const count = tickOf(device, mine)?.count ?? 0
  return count > 0 && count < (tickOf(device, theirs)?.count ?? 0)
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
  const named = new Set([mine.id])
  for (const id of named) {
    for (const parent of (await replica.snapshot(id))?.snapshot.parents ?? [])
      if (named.size < maxNamed) named.add(parent)
  }
  const snapshot = { ...mine.snapshot, parents: [...named].toSorted(), clock }
  return { id: idOf(encodeSnapshot(snapshot)), snapshot }
}

function tickOf(device: string, { snapshot }: Head): Tick | undefined {
  return snapshot.clock.find((tick) => tick.device === device)
}
