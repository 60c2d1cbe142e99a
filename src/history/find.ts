import type { Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import type { Entry, Kind } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { lookUp } from '../tree/directory.ts'
import { equalEntries } from '../tree/equal-entries.ts'
import { comparePaths } from '../tree/path.ts'
import { differences } from '../tree/change.ts'
import type { LoggedSnapshot } from './log.ts'
import { compilePattern } from './pattern.ts'

/** A path at which something was found in some snapshots of a folder. */
export interface Found {
  readonly folder: string
  readonly path: Name
  /** The one that was there last comes first. */
  readonly versions: readonly FoundVersion[]
}

export interface FoundVersion {
  readonly entry: Entry
  /** When it was there, newest first. */
  readonly runs: readonly Run[]
}

/** Snapshots of a folder in a row, by the order of the log. */
export interface Run {
  readonly first: LoggedSnapshot
  readonly last: LoggedSnapshot
  /** How many there are, `first` and `last` included. */
  readonly snapshots: number
}

export interface FindOptions extends CallOptions {
  readonly ignoreCase?: boolean | undefined
  readonly kinds?: readonly Kind[] | undefined
  /** Modified at or after, and before, this many nanoseconds since 1970. */
  readonly newer?: bigint | undefined
  readonly older?: bigint | undefined
  /** Of files and directories: at least, and at most, this many bytes. */
  readonly larger?: number | undefined
  readonly smaller?: number | undefined
}

/** Versions that are found before `limit` is thrown: a few hundred bytes of memory each. */
export const maxFound = 1_000_000

interface Track {
  readonly versions: { readonly entry: Entry; readonly runs: { first: number; last: number }[] }[]
  /** Which of them stands in the snapshot that was looked at last. */
  open: Track['versions'][number] | undefined
}

/**
 * Everything that a pattern finds in the snapshots (newest first, see `listSnapshots`), folder by folder, in
 * path order. Each snapshot is compared with the one before it, so that no sub-tree which both have is read
 * again. See `compilePattern` for what a pattern may be.
 */
export async function* findEntries(
  store: Store,
  snapshots: readonly LoggedSnapshot[],
  pattern: string,
  options: FindOptions = {},
): AsyncGenerator<Found> {
  for (const [folder, newestFirst] of Map.groupBy(snapshots, ({ snapshot }) => snapshot.folder)) {
    const line = newestFirst.toReversed()
    const tracks = await trackAll(store, line, pattern, options)
    const paths = [...tracks.keys()].toSorted(comparePaths)
    for (const path of paths) yield { folder, path, versions: toVersions(tracks.get(path)!, line) }
  }
}

async function trackAll(
  store: Store,
  line: readonly LoggedSnapshot[],
  pattern: string,
  options: FindOptions,
): Promise<Map<Name, Track>> {
  const { signal } = options
  const { base, matches } = compilePattern(pattern, options.ignoreCase)
  const tracks = new Map<Name, Track>()
  let before: Entry | undefined
  let count = 0
  for (const [place, { snapshot }] of line.entries()) {
    const after = await lookUp(store, snapshot.root, base, { signal })
    for await (const batch of compareTrees(store, before, after, { path: base, signal })) {
      for (const { path, before, after } of batch) {
        const track = tracks.get(path)
        // Something changed below a directory, and nothing in itself.
        if (before && after && before.kind === after.kind && differences(before, after).length === 0) continue
        if (track?.open) track.open.runs.at(-1)!.last = place - 1
        if (track) track.open = undefined
        if (after === undefined || !matches(path, after) || !passes(after, options)) continue
        if (++count > maxFound)
          throw new TidemarkError('limit', `more than ${maxFound} versions found: narrow the pattern`)
        const here = track ?? { versions: [], open: undefined }
        if (track === undefined) tracks.set(path, here)
        open(here, after, place)
      }
    }
    before = after
  }
  return tracks
}

function open(track: Track, entry: Entry, place: number): void {
  let version = track.versions.find((version) => equalEntries(version.entry, entry))
  if (version === undefined) {
    version = { entry, runs: [] }
    track.versions.push(version)
  }
  // Until it ends, a run goes up to the last snapshot.
  version.runs.push({ first: place, last: Infinity })
  track.open = version
}

function passes(entry: Entry, { kinds, newer, older, larger, smaller }: FindOptions): boolean {
  if (kinds !== undefined && !kinds.includes(entry.kind)) return false
  if (newer !== undefined && entry.mtimeNs < newer) return false
  if (older !== undefined && entry.mtimeNs >= older) return false
  if (larger === undefined && smaller === undefined) return true
  if (entry.kind !== 'file' && entry.kind !== 'directory') return false
  return entry.size >= (larger ?? 0) && entry.size <= (smaller ?? Infinity)
}

function toVersions(track: Track, line: readonly LoggedSnapshot[]): FoundVersion[] {
  const lastOf = (version: Track['versions'][number]): number => version.runs.at(-1)!.last
  return track.versions
    .toSorted((a, b) => lastOf(b) - lastOf(a))
    .map(({ entry, runs }) => ({
      entry,
      runs: runs.toReversed().map(({ first, last }) => {
        const end = Math.min(last, line.length - 1)
        return { first: line[first]!, last: line[end]!, snapshots: end - first + 1 }
      }),
    }))
}
