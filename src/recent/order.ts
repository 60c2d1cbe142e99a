import type { Name } from '../bytes/name.ts'
import { corrupt } from '../errors.ts'
import { displayName } from '../bytes/name.ts'
import { compareEpochs, type Epoch } from './epoch.ts'
import type { RecentEvent } from './event.ts'
import { increaseEpoch } from './increase-epoch.ts'

/** True when epochs strictly decrease and no path comes twice: the law of an index file. */
export function isOrdered(events: readonly RecentEvent[]): boolean {
  const paths = new Set<Name>()
  for (const [at, { epoch, path }] of events.entries()) {
    if (at > 0 && compareEpochs(events[at - 1]!.epoch, epoch) <= 0) return false
    paths.add(path)
  }
  return paths.size === events.length
}

/** Throws `corrupt`, naming the entry, where the epochs of `events` do not strictly decrease from `after` on. */
export function checkOrder(events: readonly RecentEvent[], after?: Epoch): void {
  let previous = after
  for (const { epoch, path } of events) {
    if (previous !== undefined && compareEpochs(previous, epoch) <= 0)
      throw corrupt(
        'index',
        `entry "${displayName(path.slice(0, 200))}": its epoch is not below the one before it`,
      )
    previous = epoch
  }
}

/**
 * The same events so that the law holds: by epoch, the newest of each path only, equal epochs drawn apart. What
 * is in order already is returned as it is.
 */
export function putInOrder(events: readonly RecentEvent[]): readonly RecentEvent[] {
  if (isOrdered(events)) return events
  const paths = new Set<Name>()
  const sorted = events.toSorted((a, b) => compareEpochs(b.epoch, a.epoch))
  return drawApart(sorted.filter(({ path }) => !paths.has(path) && paths.add(path)))
}

/** Makes decreasing epochs strictly so: of equal ones all but the last are increased, each a bit more. */
export function drawApart(events: RecentEvent[]): RecentEvent[] {
  for (let at = events.length - 2; at >= 0; at--) {
    const older = events[at + 1]!.epoch
    if (compareEpochs(events[at]!.epoch, older) > 0) continue
    let above = at - 1
    while (above >= 0 && compareEpochs(events[above]!.epoch, older) <= 0) above--
    events[at] = { ...events[at]!, epoch: increaseEpoch(older, events[above]?.epoch) }
  }
  return events
}
