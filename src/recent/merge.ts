import type { Name } from '../bytes/name.ts'
import { compareEpochs, minEpoch, type Epoch } from './epoch.ts'
import type { RecentEvent } from './event.ts'
import { intervalSeconds } from './interval.ts'
import { drawApart, putInOrder } from './order.ts'
import { produce, type Producer } from './produce.ts'
import type { Recentfile } from './recentfile.ts'
import { subtractSeconds } from './subtract-seconds.ts'

export interface MergeOptions {
  /** Keep `delete` events in `Z`, which otherwise only lists what is there. */
  readonly keepDeletes?: boolean | undefined
}

/** The longer file has to be written first: what the shorter one then says about it must be true. */
export interface MergeResult {
  readonly longer: Recentfile
  readonly shorter: Recentfile
}

/**
 * Takes what a file knows into the next longer one, and lets that drop what is older than its interval and has
 * been merged on itself. Undefined when there is nothing to do.
 */
export function merge(
  longer: Recentfile,
  shorter: Recentfile,
  producer: Producer,
  options: MergeOptions = {},
): MergeResult | undefined {
  const others = putInOrder(shorter.events)
  const oldest = oldestAllowed(longer, shorter.meta.dirtymark, others)
  const own = without(putInOrder(longer.events), oldest)
  const dropsDeletes = longer.meta.interval === 'Z' && options.keepDeletes !== true
  const paths = new Set(others.map(({ path }) => path))
  const taken = dropsDeletes ? others.filter(({ type }) => type === 'new') : others
  const newest = own[0]?.epoch
  const isNews =
    longer.events.length === 0 ||
    shorter.meta.dirtymark !== longer.meta.dirtymark ||
    own.length < longer.events.length ||
    taken.some(({ epoch }) => compareEpochs(epoch, newest!) > 0) ||
    (dropsDeletes && deletesSomething(own, others))
  if (!isNews) return undefined
  const events = zip(taken, own, paths)
  const { dirtymark } = shorter.meta
  const reset = isReset(longer, dirtymark, taken) && { merged: {} }
  const longerAfter = produce({ ...longer.meta, dirtymark, ...reset }, events, producer)
  const merged = { time: producer.now(), epoch: events[0]?.epoch, intoInterval: longer.meta.interval }
  return { longer: longerAfter, shorter: produce({ ...shorter.meta, merged }, others, producer) }
}

/**
 * Whether events of the past have come that the longer file is wrongly said to have passed on already. The Perl
 * program does without, and relies on being called twice.
 */
function isReset({ meta }: Recentfile, dirtymark: Epoch | undefined, taken: readonly RecentEvent[]): boolean {
  const merged = meta.merged?.epoch
  if (merged === undefined || dirtymark === meta.dirtymark) return false
  return taken.some(({ epoch }) => compareEpochs(epoch, merged) < 0)
}

/** Undefined: everything is kept. */
function oldestAllowed(
  longer: Recentfile,
  dirtymark: Epoch | undefined,
  others: readonly RecentEvent[],
): Epoch | undefined {
  const { merged, interval } = longer.meta
  const newest = others[0]?.epoch ?? longer.events[0]?.epoch
  if (newest === undefined || dirtymark !== longer.meta.dirtymark) return undefined
  if (merged?.epoch === undefined || interval === 'Z') return undefined
  const oldest = minEpoch(subtractSeconds(newest, intervalSeconds(interval)), merged.epoch)
  const lowest = others.at(-1)?.epoch
  return lowest === undefined ? oldest : minEpoch(oldest, lowest)
}

function without(events: readonly RecentEvent[], oldest: Epoch | undefined): readonly RecentEvent[] {
  let length = events.length
  if (oldest === undefined) return events
  while (length > 0 && compareEpochs(events[length - 1]!.epoch, oldest) < 0) length--
  return events.slice(0, length)
}

/** The Perl program lets a lone `delete` wait for the next `new`, and meanwhile Z lists what is gone. */
function deletesSomething(own: readonly RecentEvent[], others: readonly RecentEvent[]): boolean {
  const gone = new Set<Name>()
  for (const { path, type } of others) if (type === 'delete') gone.add(path)
  return gone.size > 0 && own.some(({ path }) => gone.has(path))
}

/** Both by epoch; `paths` are those of which the shorter file knows better. */
function zip(
  taken: readonly RecentEvent[],
  own: readonly RecentEvent[],
  paths: ReadonlySet<Name>,
): readonly RecentEvent[] {
  const events: RecentEvent[] = []
  let next = 0
  for (const event of own) {
    if (paths.has(event.path)) continue
    while (next < taken.length && compareEpochs(taken[next]!.epoch, event.epoch) >= 0)
      events.push(taken[next++]!)
    events.push(event)
  }
  while (next < taken.length) events.push(taken[next++]!)
  return drawApart(events)
}
