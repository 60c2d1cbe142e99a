import type { Id } from './id.ts'

/** How many snapshots of a device something comes after, and which of them is the last. */
export interface Tick {
  /** 32 hexadecimal digits. */
  readonly device: string
  /** From 1. */
  readonly count: number
  /** The device's snapshot number `count`; undefined in that snapshot itself, which cannot hold its own id. */
  readonly id: Id | undefined
}

/**
 * What a snapshot comes after: of each device the last snapshot that it knows, itself included (a version
 * vector: Parker et al., "Detection of Mutual Inconsistency in Distributed Systems", 1983). In ascending order
 * of the devices. It tells what came before what also when the snapshots between have been forgotten. Empty in
 * snapshots of before there were clocks.
 */
export type Clock = readonly Tick[]

/** A snapshot that has a place in time: its id and what it says of others. */
export interface Placed {
  readonly id: Id
  readonly clock: Clock
}

/**
 * `forked`: a device has made two snapshots of one number, as it does when its disk was copied or set back. Then
 * clocks cannot tell what either side has seen.
 */
export type Order = 'equal' | 'before' | 'after' | 'concurrent' | 'forked'

/** How the snapshot `a` stands to `b`. */
export function compareClocks(a: Placed, b: Placed): Order {
  let [less, more] = [false, false]
  const theirs = new Map(b.clock.map((tick) => [tick.device, tick]))
  for (const mine of a.clock) {
    const other = theirs.get(mine.device)
    if (other === undefined || other.count < mine.count) more = true
    else if (other.count > mine.count) less = true
    else if ((mine.id ?? a.id) !== (other.id ?? b.id)) return 'forked'
    theirs.delete(mine.device)
  }
  if (theirs.size > 0) less = true
  if (less && more) return 'concurrent'
  return less ? 'before' : more ? 'after' : 'equal'
}

/** The clock of what comes after all of these. Of a fork the greater id is taken, so that all take the same. */
export function joinClocks(all: readonly Placed[]): Clock {
  const joined = new Map<string, Tick & { readonly id: Id }>()
  for (const { id: own, clock } of all) {
    for (const { device, count, id = own } of clock) {
      const known = joined.get(device)
      const isNewer = known === undefined || count > known.count || (count === known.count && id > known.id)
      if (isNewer) joined.set(device, { device, count, id })
    }
  }
  return [...joined.values()].toSorted((a, b) => (a.device < b.device ? -1 : 1))
}

/** The clock of the next snapshot that `device` makes after these. */
export function nextClock(after: readonly Placed[], device: string): Clock {
  const before = joinClocks(after)
  const count = (before.find((tick) => tick.device === device)?.count ?? 0) + 1
  const others = before.filter((tick) => tick.device !== device)
  return [...others, { device, count, id: undefined }].toSorted((a, b) => (a.device < b.device ? -1 : 1))
}
