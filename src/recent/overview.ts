import { compareEpochs, type Epoch } from './epoch.ts'
import { intervalSeconds } from './interval.ts'
import type { Recentfile } from './recentfile.ts'

/** What there is to tell about one index file. Seconds are numbers for people: rounded. */
export interface OverviewRow {
  readonly interval: string
  /** How many events. */
  readonly count: number
  readonly dirtymark?: Epoch | undefined
  /** When it was written. */
  readonly produced?: Epoch | undefined
  /** Up to which epoch it was merged into the next. */
  readonly merged?: Epoch | undefined
  readonly max?: Epoch | undefined
  readonly min?: Epoch | undefined
  /** Seconds from the first event to the last. */
  readonly span?: number | undefined
  /** Share of the interval that is covered; more than 1 while events wait to be merged. None for `Z`. */
  readonly util?: number | undefined
  /** Where its newest and its oldest event stand among those of all files: a picture. */
  readonly cloud: string
}

/** A row for each file, given in the order of their intervals. */
export function overview(files: readonly Recentfile[]): OverviewRow[] {
  const ends = files.map(({ events }) => ({ max: events[0]?.epoch, min: events.at(-1)?.epoch }))
  const epochs = ends.flatMap(({ max, min }) => [max, min]).filter((epoch) => epoch !== undefined)
  const ranks = epochs
    .toSorted((a, b) => compareEpochs(b, a))
    .filter((epoch, at, sorted) => at === 0 || compareEpochs(sorted[at - 1]!, epoch) !== 0)
  return files.map(({ meta, events }, at) => {
    const { max, min } = ends[at]!
    const span = max === undefined || min === undefined ? undefined : Number(max) - Number(min)
    return {
      interval: meta.interval,
      count: events.length,
      dirtymark: meta.dirtymark,
      produced: meta.producers['time'],
      merged: meta.merged?.epoch,
      max,
      min,
      span,
      util:
        span === undefined || meta.interval === 'Z'
          ? undefined
          : span / Number(intervalSeconds(meta.interval)),
      cloud: ranks
        .map((rank) =>
          [max, min].some((end) => end !== undefined && compareEpochs(end, rank) === 0) ? '^' : ' ',
        )
        .join(''),
    }
  })
}
