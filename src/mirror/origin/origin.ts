import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Name } from '../../bytes/name.ts'
import { fromSystem, isTidemarkError, TidemarkError } from '../../errors.ts'
import type { ScanWatch } from '../../folder/scan/scan.ts'
import {
  compareEpochs,
  intervalsOf,
  isIndexPath,
  nameOfSketch,
  ownDirectory,
  sortIntervals,
  type AggregateOptions,
  type Change,
  type Interval,
  type Producer,
  type RecentEvent,
  type Recentfile,
  type SketchReference,
} from '../../recent/index.ts'
import { systemProducer } from './clock.ts'
import { replaceFile } from './durable-file.ts'
import { DiskShelf } from './disk-shelf.ts'
import { findIndex, type FoundIndex } from './find-index.ts'
import { removeOtherFiles, writeFirstFiles } from './first-index.ts'
import { IndexWriter } from './index-writer.ts'
import { Look, type Found, type Where } from './look.ts'
import { microsecondsOf } from './microseconds.ts'
import { OriginState, type Stamp } from './origin-state.ts'
import { readEntry, type ReadEntry } from './read-entry.ts'
import { TreeSum } from '../tree-sum.ts'

export const defaultIntervals: readonly Interval[] = ['1h', '6h', '1d', '1W', '1M', '1Q', '1Y', 'Z']

export interface OriginOptions {
  /** Of a tree that has no index yet; else those of the index that is there. */
  readonly intervals?: readonly Interval[] | undefined
  readonly suffix?: '.yaml' | '.json' | undefined
  readonly comment?: string | undefined
  /** List everything anew, even if there is an index. */
  readonly afresh?: boolean | undefined
  readonly producer?: Producer | undefined
  /** Milliseconds to wait for a lock of the index. */
  readonly patienceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Something cannot be read and stays as it was listed, if it was. */
  readonly onProblem?: ((path: Name, error: TidemarkError) => void) | undefined
  readonly onProgress?: ((counts: Counts) => void) | undefined
}

export interface Counts {
  /** Entries that were not as the index had them, as far as that could be told without reading them. */
  readonly looked: number
  readonly bytes: number
}

/** What a look at the tree has led to. */
export interface CheckReport {
  /** A first listing was made: of `entries`. */
  readonly first: boolean
  /** How many entries the index lists. */
  readonly entries: number
  /** What the index was told of, or would be: `new` and `delete`. */
  readonly changes: readonly Change[]
  /** Files that changed while they were read: look again. */
  readonly unstable: readonly Name[]
}

/** A change, and what the entry was like. */
interface Noted extends Change {
  readonly stamp?: Stamp | undefined
}

/** Told of in one step at most; a step holds up those who wait for the index. */
const mostAtOnce = 20_000

/**
 * A published tree: compares it with its index and tells the index what has changed. What one call does not
 * finish, because it is killed, the next one does: the files are the truth, the index comes next, and the state is
 * a cache of both.
 */
export class Origin {
  readonly directory: string
  readonly #options: OriginOptions
  readonly #state: OriginState
  readonly #identity: string
  /** Of a first listing, from the principal up. */
  readonly #intervals: readonly Interval[]
  #writer: IndexWriter
  #sum: TreeSum
  #sketch: SketchReference | undefined
  #sketchIsStale = true
  /** The sum has followed changes that the state may not have: a step was broken off, by a full disk for example. */
  #sumIsAhead = false
  /** There is no index yet, or none that was finished. */
  #isFirst: boolean

  private constructor({ directory, root }: Place, state: OriginState, options: OriginOptions) {
    this.directory = directory
    this.#options = options
    this.#state = state
    this.#identity = identityOf(directory)
    const found = findIndex(directory, root)
    this.#isFirst = found === undefined || options.afresh === true || state.get('first') !== undefined
    const before = this.#isFirst && found !== undefined ? intervalsBefore(found) : undefined
    const given = options.intervals ?? before ?? defaultIntervals
    this.#intervals = sortIntervals(given)
    const [interval = '1h'] = this.#intervals
    const suffix = options.suffix ?? (found?.suffix === '.json' ? '.json' : '.yaml')
    const place = this.#isFirst || found === undefined ? { directory, root, interval, suffix } : found
    this.#writer = new IndexWriter(place, options)
    this.#sum = TreeSum.for(0)
  }

  /**
   * Begins work on a tree, named by its directory or its principal; throws `busy` while another process publishes
   * it. Changes nothing yet.
   */
  static async open(path: string, options: OriginOptions = {}): Promise<Origin> {
    const place = placeOf(path)
    const state = openState(join(place.directory, ownDirectory))
    try {
      const origin = new Origin(place, state, options)
      if (!origin.#isFirst) await origin.#writer.locked(() => origin.#absorb())
      origin.#recount()
      return origin
    } catch (error) {
      state.close()
      throw error
    }
  }

  get isFirst(): boolean {
    return this.#isFirst
  }

  /** Looks at the tree, or at some of it, and tells the index of what has changed; with `dryRun` only says so. */
  async check(
    where: Where = 'everything',
    { watch, dryRun = false }: { readonly watch?: ScanWatch | undefined; readonly dryRun?: boolean } = {},
  ): Promise<CheckReport> {
    this.#assertPresent()
    if (this.#isFirst) return this.#listAll(watch, dryRun)
    await this.#writer.locked(async () => {
      this.#absorb()
      if (!dryRun && !this.#writer.isHeadCurrent(this.#sum.root)) await this.#finish()
    })
    const changes = new Map<Name, Change>()
    const unstable: Name[] = []
    let noted: Noted[] = []
    const flush = async (): Promise<void> => {
      if (!dryRun) await this.#tell(noted)
      for (const { path, type, detail } of noted) changes.set(path, { path, type, detail })
      noted = []
    }
    for await (const change of this.#describe(this.#look(where, watch), unstable)) {
      noted.push(change)
      if (noted.length >= mostAtOnce) await flush()
    }
    if (noted.length > 0) await flush()
    return { first: false, entries: this.#sum.root.count, changes: [...changes.values()], unstable }
  }

  /** False when somebody else has written the principal since this one last looked. */
  get knowsPrincipal(): boolean {
    return this.#isFirst || this.#writer.shelf.isKnown(this.#writer.principal)
  }

  /** Whether a path from the root is that of an index file, or of what stands beside one. */
  isIndexPath(path: Name): boolean {
    return isIndexPath(path, this.#writer.shelf.root)
  }

  /** True when the principal has something that was not merged on. */
  get wantsAggregate(): boolean {
    if (this.#isFirst) return false
    const { meta, events } = this.#writer.read()
    const merged = meta.merged?.epoch
    return events[0] !== undefined && (merged === undefined || compareEpochs(events[0].epoch, merged) > 0)
  }

  /** Moves what is new into the longer files, as far as it is time for it. Returns the intervals written. */
  async aggregate(options: AggregateOptions = {}): Promise<Set<Interval>> {
    return this.#writer.locked(async () => {
      this.#absorb()
      const written = await this.#writer.aggregate(options)
      if (written.size > 0) await this.#finish()
      return written
    })
  }

  /** Writes the sketch of the tree as it is now, if it has changed. */
  async writeSketch(): Promise<void> {
    if (this.#isFirst || !this.#sketchIsStale) return
    await this.#writer.locked(async () => {
      this.#absorb()
      const name = nameOfSketch(this.#writer.shelf.root)
      const { sha256 } = replaceFile(join(this.directory, name), [this.#sum.encode()])
      await this.#writer.writeHead((sequence) => {
        this.#sketch = { name, sequence, cells: this.#sum.cells, sha256 }
        return { tree: this.#sum.root, sketch: this.#sketch }
      })
      this.#sketchIsStale = false
    })
  }

  close(): void {
    this.#state.close()
  }

  #look(where: Where, watch: ScanWatch | undefined): Generator<Found> {
    const { root } = this.#writer.shelf
    const onProblem = (path: Name, error: TidemarkError): void => this.#options.onProblem?.(path, error)
    return new Look({ root: this.directory, state: this.#state, indexRoot: root, watch, onProblem }).at(where)
  }

  /** What is found becomes changes: files are read, and those that are as they were are left out. */
  async *#describe(found: Iterable<Found>, unstable: Name[]): AsyncGenerator<Noted> {
    const { signal, onProgress } = this.#options
    let [looked, bytes] = [0, 0]
    for (const { path, stat, listed } of found) {
      if (signal?.aborted === true) throw new TidemarkError('cancelled', 'publishing was cancelled')
      looked++
      bytes += stat?.kind === 'file' ? stat.size : 0
      onProgress?.({ looked, bytes })
      if (stat === undefined) {
        yield { path, type: 'delete' }
        continue
      }
      const entry = await this.#read(path, stat)
      if (entry === 'unstable') unstable.push(path)
      else if (entry === 'gone') {
        if (listed !== undefined) yield { path, type: 'delete' }
      } else if (entry !== undefined) {
        if (listed?.detail === entry.detail) this.#state.put(path, { ...listed, stamp: entry.stamp })
        else yield { path, type: 'new', ...entry }
      }
    }
  }

  /** Undefined when it cannot be read. */
  async #read(
    path: Name,
    stat: NonNullable<Found['stat']>,
  ): Promise<ReadEntry | 'gone' | 'unstable' | undefined> {
    try {
      return await readEntry(this.directory, path, stat)
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      if (error.code === 'missing') return 'gone'
      this.#options.onProblem?.(path, error)
      return undefined
    }
  }

  async #tell(all: readonly Noted[]): Promise<void> {
    // What was come upon twice is told of once, as it was seen last.
    const noted = [...new Map(all.map((change) => [change.path, change])).values()]
    if (noted.some(({ type }) => type === 'delete')) this.#assertPresent()
    await this.#writer.locked(async () => {
      this.#absorb()
      const file = this.#writer.update(noted.map(({ path, type, detail }) => ({ path, type, detail })))
      this.#sumIsAhead = true
      for (const change of noted) this.#sumUp(change)
      await this.#writer.writeHead({ tree: this.#sum.root, sketch: this.#sketch })
      this.#state.transaction(() => {
        for (const { path, type, detail, stamp } of noted) {
          if (type === 'delete') this.#state.delete(path)
          else this.#state.put(path, { detail, epoch: 0n, stamp })
        }
        this.#mark(file)
      })
      this.#sumIsAhead = false
    })
  }

  /** Lets the sum follow a change, while the state still knows what was before. */
  #sumUp({ path, type, detail }: Change): void {
    const before = this.#state.find(path)
    if (before !== undefined) this.#sum.delete(path, before.detail)
    if (type === 'new') this.#sum.add(path, detail)
    this.#sketchIsStale = true
  }

  #recount(): void {
    this.#sum = TreeSum.for(this.#state.count)
    this.#sum.addAll(this.#state.all())
    this.#sketchIsStale = true
    this.#sumIsAhead = false
  }

  /**
   * Learns what others have written into the index (or this program, before it was killed). Mostly that is
   * nothing, or stands at the top of the principal; else all of the index is read.
   */
  #absorb(): void {
    if (this.#sumIsAhead) this.#recount()
    const file = this.#writer.read()
    const digest = this.#writer.shelf.digest(this.#writer.principal)
    if (digest !== undefined && digest.sha256 === this.#state.get('principal')) return
    const news = this.#newsOf(file)
    this.#sumIsAhead = true
    this.#state.transaction(() => {
      if (news === undefined) this.#state.takeOver(this.#wholeIndex())
      else for (const event of news) this.#absorbEvent(event)
      this.#mark(file)
    })
    if (news === undefined) this.#recount()
    this.#sumIsAhead = false
  }

  /** The events that are not known yet, oldest first; undefined when that cannot be told. */
  #newsOf({ meta, events }: Recentfile): RecentEvent[] | undefined {
    const newest = this.#state.get('newest')
    if (newest === undefined || meta.dirtymark !== this.#state.get('dirtymark')) return undefined
    const at = events.findIndex(({ epoch }) => compareEpochs(epoch, newest) <= 0)
    return at < 0 ? undefined : events.slice(0, at).toReversed()
  }

  #absorbEvent({ path, type, detail, epoch }: RecentEvent): void {
    this.#sumUp({ path, type, detail })
    if (type === 'delete') return this.#state.delete(path)
    const known = this.#state.find(path)
    const stamp = detail !== undefined && known?.detail === detail ? known.stamp : undefined
    this.#state.put(path, { detail, epoch: microsecondsOf(epoch), stamp })
  }

  *#wholeIndex(): Generator<{ path: Name; detail: string | undefined; epoch: bigint; gone: boolean }> {
    for (const interval of this.#writer.intervals()) {
      for (const { path, detail, epoch, type } of this.#writer.shelf.stream(interval)) {
        yield { path, detail, epoch: microsecondsOf(epoch), gone: type === 'delete' }
      }
    }
  }

  /** After the index files were written: the head, and what they were. */
  async #finish(): Promise<void> {
    await this.#writer.writeHead({ tree: this.#sum.root, sketch: this.#sketch })
    this.#state.transaction(() => this.#mark(this.#writer.read()))
  }

  #mark({ meta, events }: Recentfile): void {
    this.#state.set('principal', this.#writer.shelf.digest(this.#writer.principal)?.sha256)
    this.#state.set('newest', events[0]?.epoch)
    this.#state.set('dirtymark', meta.dirtymark)
  }

  /** The first listing: everything stands in the longest file, as of long ago, so that changes are few and cheap. */
  async #listAll(watch: ScanWatch | undefined, dryRun: boolean): Promise<CheckReport> {
    if (!dryRun) this.#state.set('first', 'begun')
    // Of an index there was before, and of which nothing shall remain.
    if (this.#options.afresh === true && !dryRun) this.#state.clear()
    const changes: Change[] = []
    const unstable: Name[] = []
    let noted: Noted[] = []
    const flush = (): void => {
      this.#state.transaction(() => {
        for (const { path, type, detail, stamp } of noted) {
          if (type === 'new') this.#state.put(path, { detail, epoch: 0n, stamp })
          else this.#state.delete(path)
        }
      })
      noted = []
    }
    for await (const change of this.#describe(this.#look('everything', watch), unstable)) {
      noted.push(change)
      if (dryRun) changes.push({ path: change.path, type: change.type, detail: change.detail })
      else if (noted.length >= 1000) flush()
    }
    if (dryRun) return { first: true, entries: this.#sum.root.count, changes, unstable }
    flush()
    this.#recount()
    await this.#writer.locked(() => this.#writeFirst())
    return { first: true, entries: this.#sum.root.count, changes, unstable }
  }

  async #writeFirst(): Promise<void> {
    const { producer = systemProducer, comment } = this.#options
    const { shelf } = this.#writer
    writeFirstFiles(this.#state, shelf, { intervals: this.#intervals, comment, producer })
    this.#writer.link()
    await this.#writer.writeHead({ tree: this.#sum.root })
    if (this.#options.afresh === true) removeOtherFiles(shelf, this.#intervals)
    this.#state.transaction(() => {
      this.#mark(this.#writer.read())
      this.#state.set('first', undefined)
    })
    this.#isFirst = false
  }

  /** An unmounted disk is not an empty tree. */
  #assertPresent(): void {
    const isThere =
      identityOf(this.directory) === this.#identity &&
      statSync(join(this.directory, ownDirectory, 'origin.db'), { throwIfNoEntry: false }) !== undefined
    if (!isThere)
      throw new TidemarkError(
        'missing',
        `${this.directory} is not the directory that it was: is the disk there?`,
      )
  }
}

interface Place {
  readonly directory: string
  /** What the names of the index files begin with. */
  readonly root: string
}

function placeOf(path: string): Place {
  try {
    const place = realpathSync(path)
    if (statSync(place).isDirectory()) return { directory: place, root: 'RECENT' }
    const found = findIndex(path)
    if (found !== undefined) return { directory: realpathSync(found.directory), root: found.root }
  } catch (error) {
    throw fromSystem(error, path)
  }
  throw new TidemarkError('missing', `${path} has no index`)
}

/** Undefined where the index that is to be made anew cannot be read. */
function intervalsBefore({ directory, root, suffix, interval }: FoundIndex): Interval[] | undefined {
  try {
    const principal = new DiskShelf(directory, root, suffix).read(interval)
    return principal && intervalsOf(principal)
  } catch (error) {
    if (isTidemarkError(error, 'corrupt', 'unsupported', 'limit')) return undefined
    throw error
  }
}

function identityOf(directory: string): string {
  const stats = lstatSync(directory, { bigint: true, throwIfNoEntry: false })
  return `${stats?.dev} ${stats?.ino}`
}

function openState(own: string): OriginState {
  try {
    mkdirSync(own, { recursive: true })
  } catch (error) {
    throw fromSystem(error, `make ${own}`)
  }
  return OriginState.open(join(own, 'origin.db'))
}
