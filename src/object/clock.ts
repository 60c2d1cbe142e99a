import { fromHex, toHex } from '../bytes/hex.ts'
import { idLength, idOf, idToBytes, type Id } from './id.ts'

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
 * `forked`: a device has made two snapshots of one number, as it does when its disk was copied or set back, and neither
 * side knows both. Then clocks cannot tell what either has seen.
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
    else if (!isSettled(mine.device, mine.id ?? a.id, other.id ?? b.id, a, b)) return 'forked'
    theirs.delete(mine.device)
  }
  if (theirs.size > 0) less = true
  if (less && more) return 'concurrent'
  return less ? 'before' : more ? 'after' : 'equal'
}

/** Of one number of a device: whether they are one snapshot, or a side has both (see {@link branchOf}). */
function isSettled(device: string, one: Id, other: Id, a: Placed, b: Placed): boolean {
  if (one === other) return true
  const [first, second] = [branchOf(device, one), branchOf(device, other)]
  return a.clock.some((tick) => tick.device === second) || b.clock.some((tick) => tick.device === first)
}

/**
 * The device that a clock names instead for a snapshot which has the number of another that it knows as well: the
 * first half of the hash of the device (its 16 bytes) and the id.
 */
export function branchOf(device: string, id: Id): string {
  const bytes = new Uint8Array(16 + idLength)
  bytes.set(fromHex(device)!)
  idToBytes(id, bytes, 16)
  idToBytes(idOf(bytes), bytes, 0)
  return toHex(bytes.subarray(0, 16))
}

/**
 * The clock of what comes after all of these. Of a fork the greater id is taken, so that all take the same; the
 * others are named as of devices of their own.
 */
export function joinClocks(all: readonly Placed[]): Clock {
  const joined = new Map<string, Tick & { readonly id: Id }>()
  const join = (tick: Tick & { readonly id: Id }): void => {
    const { device, count, id } = tick
    const known = joined.get(device)
    if (known === undefined || count > known.count) joined.set(device, tick)
    else if (count === known.count && id !== known.id) {
      const [lesser, greater] = id < known.id ? [id, known.id] : [known.id, id]
      joined.set(device, { device, count, id: greater })
      join({ device: branchOf(device, lesser), count: 1, id: lesser })
    }
  }
  for (const { id: own, clock } of all)
    for (const { device, count, id = own } of clock) join({ device, count, id })
  return [...joined.values()].toSorted((a, b) => (a.device < b.device ? -1 : 1))
}

/** The clock of the next snapshot that `device` makes after these. */
export function nextClock(after: readonly Placed[], device: string): Clock {
  const before = joinClocks(after)
  const count = (before.find((tick) => tick.device === device)?.count ?? 0) + 1
  const others = before.filter((tick) => tick.device !== device)
  return [...others, { device, count, id: undefined }].toSorted((a, b) => (a.device < b.device ? -1 : 1))
}
