import type { Epoch } from './epoch.ts'
import type { RecentEvent } from './event.ts'
import type { Meta, Recentfile } from './recentfile.ts'

/** Who writes an index file, and when. */
export interface Producer {
  /** The time, which may stand still or go back. */
  readonly now: () => Epoch
  /** What to tell of oneself: `$0` is the program, other keys are components with their versions. */
  readonly names: Readonly<Record<string, string>>
}

/** The file as it is to be written: `minmax` told from the events, and who wrote it when. */
export function produce(meta: Meta, events: readonly RecentEvent[], producer: Producer): Recentfile {
  const mtime = meta.minmax?.mtime
  return {
    meta: {
      ...meta,
      producers: { ...producer.names, time: producer.now() },
      minmax: {
        ...(events.length > 0 && { max: events[0]!.epoch, min: events.at(-1)!.epoch }),
        ...(mtime !== undefined && { mtime }),
      },
    },
    events,
  }
}

export interface NewFile {
  /** That of the principal. */
  readonly interval: string
  /** The intervals to merge into. */
  readonly aggregator: readonly string[]
  readonly filenameroot?: string
  readonly suffix?: '.yaml' | '.json'
  readonly comment?: string | undefined
}

/** A file without events, that was never written. */
export function emptyFile({
  interval,
  aggregator,
  filenameroot = 'RECENT',
  suffix = '.yaml',
  comment,
}: NewFile): Recentfile {
  return {
    meta: { protocol: 1, interval, aggregator, filenameroot, suffix, comment, producers: {}, others: {} },
    events: [],
  }
}
