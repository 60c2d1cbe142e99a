import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Name } from '../../bytes/name.ts'
import { fromSystem, type TidemarkError } from '../../errors.ts'
import type { ScanWatch } from '../../folder/scan/scan.ts'
import {
  compareEpochs,
  isIndexPath,
  nameOfSketch,
  sortIntervals,
  type AggregateOptions,
  type Change,
  type Interval,
  type SketchReference,
} from '../../recent/index.ts'
import { systemProducer } from './clock.ts'
import { describe } from './describe.ts'
import { replaceFile } from './durable-file.ts'
import { findIndex } from './find-index.ts'
import { removeOtherFiles, writeFirstFiles } from './first-index.ts'
import { IndexWriter } from './index-writer.ts'
import { KnownTree } from './known-tree.ts'
import { Look, type Where } from './look.ts'
import { defaultIntervals, type CheckReport, type Noted, type OriginOptions } from './origin-options.ts'
import { OriginState } from './origin-state.ts'
import { assertPresent, identityOf, intervalsBefore, placeOf, statePath, type Place } from './place.ts'

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
  readonly #identity: string
  /** Of a first listing, from the principal up. */
  readonly #intervals: readonly Interval[]
  readonly #writer: IndexWriter
  readonly #known: KnownTree
  #sketch: SketchReference | undefined
  /** There is no index yet, or none that was finished. */
  #isFirst: boolean

  private constructor({ directory, root }: Place, state: OriginState, options: OriginOptions) {
    this.directory = directory
    this.#options = options
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
    this.#known = new KnownTree(state, this.#writer)
  }

  /**
   * Begins work on a tree, named by its directory or its principal; throws `busy` while another process publishes
   * it. Changes nothing yet.
   */
  static async open(path: string, options: OriginOptions = {}): Promise<Origin> {
    const place = placeOf(path)
    const state = openState(statePath(place.directory))
    try {
      const origin = new Origin(place, state, options)
      if (!origin.#isFirst) await origin.#writer.locked(() => origin.#known.absorb())
      origin.#known.recount()
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
      this.#known.absorb()
      if (!dryRun && !this.#writer.isHeadCurrent(this.#known.root)) await this.#finish()
    })
    const changes = new Map<Name, Change>()
    const unstable: Name[] = []
    let noted: Noted[] = []
    const flush = async (): Promise<void> => {
      if (!dryRun) await this.#tell(noted)
      for (const { path, type, detail } of noted) changes.set(path, { path, type, detail })
      noted = []
    }
    for await (const change of this.#changes(where, watch, unstable)) {
      noted.push(change)
      if (noted.length >= mostAtOnce) await flush()
    }
    if (noted.length > 0) await flush()
    return { first: false, entries: this.#known.root.count, changes: [...changes.values()], unstable }
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
      this.#known.absorb()
      const written = await this.#writer.aggregate(options)
      if (written.size > 0) await this.#finish()
      return written
    })
  }

  /** Writes the sketch of the tree as it is now, if it has changed. */
  async writeSketch(): Promise<void> {
    const known = this.#known
    if (this.#isFirst || known.isSketched) return
    await this.#writer.locked(async () => {
      known.absorb()
      const name = nameOfSketch(this.#writer.shelf.root)
      const { sha256 } = replaceFile(join(this.directory, name), [known.encode()])
      await this.#writer.writeHead((sequence) => {
        this.#sketch = { name, sequence, cells: known.cells, sha256 }
        return { tree: known.root, sketch: this.#sketch }
      })
      known.isSketched = true
    })
  }

  close(): void {
    this.#known.state.close()
  }

  #changes(where: Where, watch: ScanWatch | undefined, unstable: Name[]): AsyncGenerator<Noted> {
    const { directory } = this
    const { state } = this.#known
    const onProblem = (path: Name, error: TidemarkError): void => this.#options.onProblem?.(path, error)
    const indexRoot = this.#writer.shelf.root
    const look = new Look({ root: directory, state, indexRoot, watch, onProblem })
    return describe(look.at(where), { ...this.#options, directory, state, unstable })
  }

  async #tell(all: readonly Noted[]): Promise<void> {
    // What was come upon twice is told of once, as it was seen last.
    const noted = [...new Map(all.map((change) => [change.path, change])).values()]
    if (noted.some(({ type }) => type === 'delete')) this.#assertPresent()
    await this.#writer.locked(async () => {
      this.#known.absorb()
      const file = this.#writer.update(noted.map(({ path, type, detail }) => ({ path, type, detail })))
      this.#known.sumUp(noted)
      await this.#writeHead()
      this.#known.remember(noted, file)
    })
  }

  #writeHead(): Promise<unknown> {
    return this.#writer.writeHead({ tree: this.#known.root, sketch: this.#sketch })
  }

  /** After the index files were written: the head, and what they were. */
  async #finish(): Promise<void> {
    await this.#writeHead()
    this.#known.mark()
  }

  /** The first listing: everything stands in the longest file, as of long ago, so that changes are few and cheap. */
  async #listAll(watch: ScanWatch | undefined, dryRun: boolean): Promise<CheckReport> {
    const { state } = this.#known
    if (!dryRun) state.set('first', 'begun')
    // Of an index there was before, and of which nothing shall remain.
    if (this.#options.afresh === true && !dryRun) state.clear()
    const changes: Change[] = []
    const unstable: Name[] = []
    let noted: Noted[] = []
    for await (const change of this.#changes('everything', watch, unstable)) {
      noted.push(change)
      if (dryRun) changes.push({ path: change.path, type: change.type, detail: change.detail })
      else if (noted.length >= 1000) {
        state.note(noted)
        noted = []
      }
    }
    if (!dryRun) {
      state.note(noted)
      this.#known.recount()
      await this.#writer.locked(() => this.#writeFirst())
    }
    return { first: true, entries: this.#known.root.count, changes, unstable }
  }

  async #writeFirst(): Promise<void> {
    const { producer = systemProducer, comment } = this.#options
    const { shelf } = this.#writer
    const { state } = this.#known
    writeFirstFiles(state, shelf, { intervals: this.#intervals, comment, producer })
    this.#writer.link()
    await this.#writeHead()
    if (this.#options.afresh === true) removeOtherFiles(shelf, this.#intervals)
    this.#known.mark(() => state.set('first', undefined))
    this.#isFirst = false
  }

  #assertPresent(): void {
    assertPresent(this.directory, this.#identity)
  }
}

function openState(path: string): OriginState {
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (error) {
    throw fromSystem(error, `make ${dirname(path)}`)
  }
  return OriginState.open(path)
}
