import type { Name } from '../bytes/name.ts'
import { compareEpochs, type Epoch } from './epoch.ts'
import type { EventType, RecentEvent } from './event.ts'
import type { Recentfile } from './recentfile.ts'

export interface NewsQuery {
  /** Only events later than this. */
  readonly after?: Epoch | undefined
  /** Only events earlier than this. */
  readonly before?: Epoch | undefined
  /** How many at most. */
  readonly max?: number | undefined
  readonly skipDeletes?: boolean | undefined
  /** Only events that are just this. */
  readonly contains?: {
    readonly epoch?: Epoch | undefined
    readonly path?: Name | undefined
    readonly type?: EventType | undefined
  }
}

/**
 * What happened, newest first, each path once: from index files in the order of their intervals. Longer ones are
 * asked for only as long as the answer may need them.
 */
export function* news(files: Iterable<Recentfile>, query: NewsQuery = {}): Generator<RecentEvent> {
  const { after, before, max = Infinity } = query
  const seen = new Set<Name>()
  let last: Epoch | undefined
  let count = 0
  if (max <= 0) return
  for (const { events } of files) {
    for (const event of events) {
      if (after !== undefined && compareEpochs(event.epoch, after) <= 0) return
      // What the shorter file covers it also knows better.
      if (last !== undefined && compareEpochs(event.epoch, last) >= 0) continue
      if (seen.has(event.path)) continue
      seen.add(event.path)
      if (before !== undefined && compareEpochs(event.epoch, before) >= 0) continue
      if (!isWanted(event, query)) continue
      yield event
      if (++count >= max) return
    }
    last = events.at(-1)?.epoch ?? last
  }
}

function isWanted({ epoch, path, type }: RecentEvent, { skipDeletes, contains = {} }: NewsQuery): boolean {
  if (skipDeletes === true && type === 'delete') return false
  if (contains.type !== undefined && type !== contains.type) return false
  if (contains.path !== undefined && path !== contains.path) return false
  return contains.epoch === undefined || compareEpochs(epoch, contains.epoch) === 0
}
