import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  emptyFile,
  intervalSeconds,
  parseIndexName,
  produce,
  type Interval,
  type Producer,
} from '../../recent/index.ts'
import type { DiskShelf } from './disk-shelf.ts'
import { microsecondsOf } from './microseconds.ts'
import type { OriginState } from './origin-state.ts'

export interface FirstIndex {
  /** From the principal up. */
  readonly intervals: readonly Interval[]
  readonly comment: string | undefined
  readonly producer: Producer
}

/** Room for those whose own time is too young: they count up a microsecond each. */
const hour = 3_600_000_000n

/**
 * Writes the files of a first listing: everything stands in the longest, as of long ago, so that changes are few
 * and cheap. The longest is written first: the principal makes an index of them.
 */
export function writeFirstFiles(
  state: OriginState,
  shelf: DiskShelf,
  { intervals, comment, producer }: FirstIndex,
): void {
  const now = producer.now()
  const finite = intervals.slice(0, -1).map(intervalSeconds)
  // Below the reach of all files but the last.
  state.assignEpochs(microsecondsOf(now) - (finite.at(-1) ?? 0n) * 1_000_000n - hour)
  const newest = state.edge('newest')
  const oldest = state.edge('oldest')
  for (const [at, interval] of [...intervals.entries()].toReversed()) {
    const { meta } = emptyFile({
      interval,
      aggregator: intervals.slice(1),
      filenameroot: shelf.root,
      suffix: shelf.suffix,
      comment: at === 0 ? comment : undefined,
    })
    const next = intervals[at + 1]
    const merged = next === undefined ? undefined : { time: now, epoch: newest?.epoch, intoInterval: next }
    // The Perl programs want at least one event in each: that up to which it was merged.
    const events = [newest, ...(next === undefined ? [oldest] : [])].filter((event) => event !== undefined)
    const file = produce({ ...meta, dirtymark: now, merged }, events, producer)
    if (next === undefined) shelf.writeParts({ meta: file.meta, events: state.newestFirst() })
    else shelf.write(file)
  }
}

/** Removes the files of an index that was there before, and had other intervals or another form. */
export function removeOtherFiles(
  { directory, root, suffix }: DiskShelf,
  intervals: readonly Interval[],
): void {
  for (const name of readdirSync(directory)) {
    const parsed = parseIndexName(name)
    if (parsed?.root !== root || (parsed.suffix === suffix && intervals.includes(parsed.interval))) continue
    rmSync(join(directory, name), { force: true })
  }
}
