import { branchOf, type Tick } from '../object/clock.ts'
import type { Id } from '../object/id.ts'
import type { Head } from './head.ts'

/** So far is looked back for what a device had made when another one heard of it last. */
const maxSteps = 10_000

/**
 * Whether `device`, of which `ahead` knows more snapshots than `behind`, has made two of the number that is the last one
 * known to `behind`: then `ahead` does not come after that, whatever the clocks say. False where that cannot be told.
 */
export async function hasForked(
  device: string,
  ahead: Head,
  behind: Head,
  snapshot: (id: Id) => Promise<Head | undefined>,
): Promise<boolean> {
  const known = tickOf(device, behind)
  // The first one of a copy that had nothing is given up for what others have: its number comes again.
  if (known === undefined || known.count === 1) return false
  const wanted = known.id ?? behind.id
  const branch = branchOf(device, wanted)
  if (ahead.snapshot.clock.some((tick) => tick.device === branch)) return false
  let at = ownOf(device, ahead)
  for (let steps = 0; at !== undefined && at.count > known.count && steps < maxSteps; steps++) {
    const head = at.id === ahead.id ? ahead : await snapshot(at.id)
    const below = head?.snapshot.parents ?? []
    // Nearly always the one that it was made from says it.
    if (below.includes(wanted)) return false
    const parents = await Promise.all(below.map((id) => snapshot(id)))
    at = lastOf(parents.flatMap((parent) => (parent && ownOf(device, parent)) ?? []))
  }
  return at?.count === known.count && at.id !== wanted
}

export interface Own {
  readonly count: number
  readonly id: Id
}

/** The last snapshot of a device that another one comes after, or is. */
export function ownOf(device: string, head: Head): Own | undefined {
  const tick = tickOf(device, head)
  return tick && { count: tick.count, id: tick.id ?? head.id }
}

function lastOf(all: readonly Own[]): Own | undefined {
  return all.toSorted((a, b) => b.count - a.count)[0]
}

/** What a snapshot says of a device. */
export function tickOf(device: string, { snapshot }: Head): Tick | undefined {
  return snapshot.clock.find((tick) => tick.device === device)
}
