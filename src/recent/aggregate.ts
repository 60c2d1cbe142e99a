import { corrupt } from '../errors.ts'
import { intervalSeconds, sortIntervals, type Interval } from './interval.ts'
import { merge, type MergeOptions } from './merge.ts'
import { emptyFile, type Producer } from './produce.ts'
import type { Recentfile } from './recentfile.ts'
import { update } from './update.ts'

/** Where the index files of a tree are kept. */
export interface Shelf {
  /** The file, its `minmax.mtime` being when it was written last; undefined when there is none. */
  read(interval: Interval): Recentfile | undefined
  /** When it was written last, in whole seconds; undefined when there is none. */
  writtenAt(interval: Interval): number | undefined
  write(file: Recentfile): void
}

export interface AggregateOptions extends MergeOptions {
  /** Merge every file into the next, whether it is time for it or not. */
  readonly force?: boolean | undefined
}

/** The intervals of a tree's files by length, from its principal. */
export function intervalsOf({ meta }: Recentfile): Interval[] {
  const own = intervalSeconds(meta.interval)
  return sortIntervals([meta.interval, ...meta.aggregator]).filter((other) => intervalSeconds(other) >= own)
}

/**
 * Moves what the principal knows up into the longer files: into the next one always, and from that on into each
 * whose last writing is longer ago than the interval before the one it would be merged from. Returns the
 * intervals that were written.
 */
export function aggregate(
  principal: Interval,
  shelf: Shelf,
  producer: Producer,
  options: AggregateOptions = {},
): Set<Interval> {
  const written = new Set<Interval>()
  function write(file: Recentfile): void {
    shelf.write(file)
    written.add(file.meta.interval)
  }
  function required(interval: Interval): Recentfile {
    const file = shelf.read(interval)
    if (file === undefined) throw corrupt('index', `its file of ${interval} is missing`)
    return file
  }

  const first = required(principal)
  const trimmed = update(first, [], producer)
  if (trimmed.events.length < first.events.length) write(trimmed)
  const intervals = intervalsOf(first)
  for (let at = 0; at + 1 < intervals.length; at++) {
    const [own, next] = [intervals[at]!, intervals[at + 1]!]
    if (at > 0 && options.force !== true && !isDue(shelf, next, intervals[at - 1]!, producer)) break
    const shorter = required(own)
    const longer = shelf.read(next) ?? emptyLonger(shorter, next)
    const result = merge(longer, shorter, producer, options)
    if (result === undefined) continue
    write(result.longer)
    write(result.shorter)
  }
  return written
}

function isDue(shelf: Shelf, target: Interval, before: Interval, { now }: Producer): boolean {
  const writtenAt = shelf.writtenAt(target)
  if (writtenAt === undefined) return true
  return BigInt(Math.floor(Number(now())) - writtenAt) > intervalSeconds(before)
}

function emptyLonger({ meta }: Recentfile, interval: Interval): Recentfile {
  const { aggregator, filenameroot, suffix } = meta
  const file = emptyFile({ interval, aggregator, filenameroot })
  return { ...file, meta: { ...file.meta, suffix, protocol: meta.protocol } }
}
