import { compareClocks, type Order, type Placed } from '../object/clock.ts'
import type { Id } from '../object/id.ts'
import { hasForked, tickOf } from './forked.ts'
import type { Head } from './head.ts'

/** The snapshots of a folder, as far as they are there. */
export interface TimelineReader {
  /** Undefined when it is not there: forgotten, or never fetched. */
  snapshot(id: Id): Promise<Head | undefined>
}

/** Snapshots that are looked at on the way back from either side, at most. */
const maxSteps = 10_000

/**
 * The snapshots that came before both (or are one of them), the last ones: none of the answer came before another of
 * it. Walks back from both, along parents and along what clocks name, as far as snapshots are there; `candidates` are
 * looked at too. When a device has forked, and clocks tell nothing, only what both were reached from counts; of
 * `device`, the own one, that is found out also where one of them has gone on since.
 */
export async function lastCommon(
  one: Head,
  other: Head,
  snapshots: TimelineReader,
  candidates: readonly Head[] = [],
  device?: string,
): Promise<Head[]> {
  const isForked =
    compareClocks(placed(one), placed(other)) === 'forked' ||
    (device !== undefined && (await areForked(device, one, other, snapshots)))
  const isCommon = (head: Head): boolean =>
    !isForked && head.snapshot.clock.length > 0 && isUpTo(head, one) && isUpTo(head, other)
  const ours = await walkBack(one, snapshots, isCommon)
  const theirs = await walkBack(other, snapshots, (head) => isCommon(head) || ours.has(head.id))
  const common = new Map(candidates.filter(isCommon).map((head) => [head.id, head]))
  for (const [id, head] of theirs) if (isCommon(head) || ours.has(id)) common.set(id, head)
  for (const [id, head] of ours) if (isCommon(head)) common.set(id, head)
  const last = lastOf([...common.values()])
  // Clocks may be missing: what the others were made from goes too.
  const known = new Map([...ours, ...theirs])
  const before = new Set(last.flatMap((head) => ancestors(head, known)))
  return last.filter(({ id }) => !before.has(id))
}

function areForked(device: string, one: Head, other: Head, snapshots: TimelineReader): Promise<boolean> {
  const countOf = (head: Head): number => tickOf(device, head)?.count ?? 0
  const [ahead, behind] = countOf(one) > countOf(other) ? [one, other] : [other, one]
  return hasForked(device, ahead, behind, (id) => snapshots.snapshot(id))
}

/** Those that came before none of the others, in ascending order of their ids. Of two that know the same, one. */
export function lastOf(heads: readonly Head[]): Head[] {
  const last: Head[] = []
  for (const head of heads.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const orders = last.map((one) => orderOf(head, one))
    if (orders.includes('before') || orders.includes('equal')) continue
    const kept = last.filter((_, n) => orders[n] !== 'after')
    last.splice(0, last.length, ...kept, head)
  }
  return last
}

function orderOf(head: Head, other: Head): Order {
  if (head.id === other.id) return 'equal'
  // Of before there were clocks: then these say nothing.
  if (head.snapshot.clock.length === 0 && other.snapshot.clock.length === 0) return 'concurrent'
  return compareClocks(placed(head), placed(other))
}

/** A snapshot as clocks are compared. */
export function placed({ id, snapshot }: Head): Placed {
  return { id, clock: snapshot.clock }
}

function isUpTo(head: Head, other: Head): boolean {
  if (head.id === other.id) return true
  const order = compareClocks(placed(head), placed(other))
  return order === 'before' || order === 'equal'
}

/** A snapshot and what came before it, not going on from where `stop` says so. */
async function walkBack(
  from: Head,
  snapshots: TimelineReader,
  stop: (head: Head) => boolean,
): Promise<Map<Id, Head>> {
  const found = new Map<Id, Head>([[from.id, from]])
  const waiting = [from]
  const asked = new Set<Id>()
  for (let steps = 0; steps < maxSteps; steps++) {
    const head = waiting.shift()
    if (head === undefined) break
    if (stop(head)) continue
    for (const id of namedBy(head)) {
      if (asked.has(id) || found.has(id)) continue
      asked.add(id)
      const next = await snapshots.snapshot(id)
      if (next === undefined) continue
      found.set(id, next)
      waiting.push(next)
    }
  }
  return found
}

/** What a snapshot says that it came after. */
function namedBy({ snapshot }: Head): Id[] {
  return [...snapshot.parents, ...snapshot.clock.flatMap(({ id }) => id ?? [])]
}

function ancestors(head: Head, known: ReadonlyMap<Id, Head>): Id[] {
  const found = new Set<Id>()
  const waiting = namedBy(head)
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (found.has(id) || id === head.id) continue
    found.add(id)
    const next = known.get(id)
    if (next) waiting.push(...namedBy(next))
  }
  return [...found]
}
