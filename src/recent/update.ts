import type { Name } from '../bytes/name.ts'
import { compareEpochs, maxEpoch, minEpoch, type Epoch } from './epoch.ts'
import type { RecentEvent } from './event.ts'
import { increaseEpoch } from './increase-epoch.ts'
import { intervalSeconds } from './interval.ts'
import { drawApart, putInOrder } from './order.ts'
import { produce, type Producer } from './produce.ts'
import type { Meta, Recentfile } from './recentfile.ts'
import { subtractSeconds } from './subtract-seconds.ts'

/** What is to be told of: an event whose epoch is now unless one of the past is wanted (a dirty epoch). */
export type Change = Omit<RecentEvent, 'epoch'> & { readonly epoch?: Epoch | undefined }

/**
 * The principal after `changes`, each newer than the one before it; with none of them it is only truncated.
 * Whatever was told of the same paths before is dropped. An event of the past makes every mirror look at all
 * again (a new dirtymark); one of the future is of now.
 */
export function update(file: Recentfile, changes: readonly Change[], producer: Producer): Recentfile {
  const now = producer.now()
  const known = putInOrder(file.events)
  const last = new Map<Name, Change>()
  for (const change of changes) {
    last.delete(change.path)
    last.set(change.path, change)
  }
  const isDirty = ({ epoch }: Change): boolean => epoch !== undefined && compareEpochs(epoch, now) < 0
  for (const change of last.values()) {
    if (isDirty(change) && known.some((event) => isSame(event, change))) last.delete(change.path)
  }
  const kept = known.filter(({ path }) => !last.has(path))
  const dirty = [...last.values()].filter(isDirty)
  const past = dirty.length === 0 ? kept : insert(kept, dirty)
  const fresh = stamped(
    [...last.values()].filter((change) => !isDirty(change)),
    now,
    known[0]?.epoch,
  )
  const events = [...fresh, ...past]
  const meta = { ...file.meta, dirtymark: file.meta.dirtymark ?? producer.now() }
  if (dirty.length > 0) return produce(markDirty(meta, dirty, now), events, producer)
  return produce(meta, truncated(events, meta, now, fresh.at(-1)?.epoch), producer)
}

function isSame(event: RecentEvent, change: Change): boolean {
  const { path, type, epoch, detail } = change
  return event.path === path && event.epoch === epoch && event.type === type && event.detail === detail
}

/** Newest first, all newer than `newest` and than `now` allows. */
function stamped(changes: readonly Change[], now: Epoch, newest: Epoch | undefined): RecentEvent[] {
  const events: RecentEvent[] = []
  let epoch = newest !== undefined && compareEpochs(now, newest) <= 0 ? increaseEpoch(newest) : now
  for (const { path, type, detail } of changes) {
    events.push(detail === undefined ? { epoch, path, type } : { epoch, path, type, detail })
    epoch = nextEpoch(epoch)
  }
  return events.toReversed()
}

/** A microsecond later, where the epoch has no finer digits. */
function nextEpoch(epoch: Epoch): Epoch {
  const [whole = '', fraction = ''] = epoch.split('.')
  if (fraction.length > 6 || whole.startsWith('-')) return increaseEpoch(epoch)
  const next = (BigInt(whole + fraction.padEnd(6, '0')) + 1n).toString().padStart(7, '0')
  return `${next.slice(0, -6)}.${next.slice(-6)}`
}

function insert(kept: readonly RecentEvent[], dirty: readonly Change[]): readonly RecentEvent[] {
  const added = dirty.map((change): RecentEvent => ({ ...change, epoch: change.epoch! }))
  // The sort keeps equal ones as they stand: those that were there already stay what they are.
  return drawApart([...added, ...kept].toSorted((a, b) => compareEpochs(b.epoch, a.epoch)))
}

function markDirty(meta: Meta, dirty: readonly Change[], now: Epoch): Meta {
  const oldest = dirty.map(({ epoch }) => epoch!).reduce(minEpoch)
  const merged = meta.merged?.epoch
  const reset = merged === undefined || compareEpochs(oldest, merged) < 0
  return { ...meta, dirtymark: now, ...(reset && { merged: {} }) }
}

/** Without what is older than the interval and has been merged on. What was never merged is kept for ever. */
function truncated(
  events: readonly RecentEvent[],
  { merged, interval }: Meta,
  now: Epoch,
  epoch: Epoch | undefined,
): readonly RecentEvent[] {
  if (merged?.epoch === undefined || interval === 'Z') return events
  const latest = epoch === undefined ? now : maxEpoch(now, epoch)
  const oldest = minEpoch(subtractSeconds(latest, intervalSeconds(interval)), merged.epoch)
  let length = events.length
  while (length > 0 && compareEpochs(events[length - 1]!.epoch, oldest) < 0) length--
  return events.slice(0, length)
}
