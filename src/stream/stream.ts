import { TidemarkError } from '../errors.ts'
import type { BlamedLine } from './blame.ts'
import type { CheckReport } from './check.ts'
import { type Content, type Producer, readContent } from './content.ts'
import type { FollowOptions } from './follow.ts'
import { newestFull } from './full-copy.ts'
import type { GrepMatch } from './grep.ts'
import { streamLayout, type StreamLayout } from './layout.ts'
import type { Listing } from './listing.ts'
import { rereading } from './rereading.ts'
import type { RetentionPolicy } from './retention.ts'
import type { StreamEvent } from './stream-event.ts'
import { unifiedDiff } from './unified-diff.ts'
import { indexOfVersion, Version } from './version.ts'
import { isVersionName, type NameZone, type VersionName } from './version-name.ts'
import { type Recorded, Writer } from './writer.ts'

export interface StreamOptions {
  /** How many versions `latest` keeps in full, at least 1; 2 if not given. All versions stay readable either way. */
  readonly retain?: number
  /** How names of versions are read and written: `local` if not given, as the old program does. */
  readonly zone?: NameZone
  /** False leaves every state a file of its own. */
  readonly pack?: boolean
  /** How many milliseconds to wait while another process records: 10,000 if not given; 0 refuses at once. */
  readonly patience?: number
  /** Milliseconds since 1970: `Date.now` if not given. */
  readonly clock?: () => number
  readonly log?: (event: StreamEvent) => void
}

/**
 * A text source whose every version is kept, in the directory `root/name`.
 *
 * ```ts
 * await using stream = new Stream('/var/lib/records', 'rates')
 * await stream.record(() => fetch('https://example.org/rates').then((answer) => answer.text()))
 * const newest = await stream.latest()
 * ```
 *
 * Readers take no lock and are never in anyone's way. There is one writer at a time.
 */
export class Stream implements AsyncDisposable {
  readonly #layout: StreamLayout
  readonly #zone: NameZone
  readonly #clock: () => number
  readonly #writer: Writer
  /** The last of the calls of record, which go one after another. */
  #turn: Promise<unknown> = Promise.resolve()
  #packing: Promise<void> | undefined
  #listing: Listing | undefined

  constructor(root: string, name: string, options: StreamOptions = {}) {
    const retain = options.retain ?? 2
    if (!Number.isSafeInteger(retain) || retain < 1) {
      throw new TidemarkError('usage', `at least one version must be kept in full, not ${retain}`)
    }
    this.#layout = streamLayout(root, name)
    this.#zone = options.zone ?? 'local'
    this.#clock = options.clock ?? Date.now
    this.#writer = new Writer(this.#layout, {
      retain,
      zone: this.#zone,
      pack: options.pack ?? true,
      patience: options.patience ?? 10_000,
      log: options.log ?? (() => {}),
    })
  }

  /** Where the stream is. `latest.txt` in it is the newest version. */
  get directory(): string {
    return this.#layout.directory
  }

  /**
   * Records a content, or what a function fetches, if it differs from the newest version. The version is dated
   * before the fetch. When this resolves, the version survives a power cut; when it rejects, nothing has changed:
   * `busy` when another process does not finish its own in time, `full` when the disk is, or whatever the
   * function threw. Calls take their turns in the order in which they were made.
   */
  async record(source: Content | Producer): Promise<Recorded> {
    const recorded = await this.#inTurn(() =>
      this.#writer.exclusively(async () => {
        const moment = this.#clock()
        return this.#writer.add(await readContent(source), moment)
      }),
    )
    this.#packWhenDue()
    return recorded
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  /** Starts packing beside the next calls of record; does not wait for it. */
  #packWhenDue(): void {
    if (this.#packing !== undefined || !this.#writer.isPackDue) return
    this.#packing = this.#writer
      .pack((work) => this.#inTurn(work))
      .finally(() => {
        this.#packing = undefined
      })
  }

  /** The newest version; undefined when nothing has been recorded. */
  async latest(): Promise<Version | undefined> {
    const name = newestFull(this.#layout)
    return name === undefined ? (await this.versions()).at(-1) : new Version(this.#layout, name, this.#zone)
  }

  /** Every version, oldest first. */
  async versions(): Promise<Version[]> {
    const listing = await this.#list()
    return listing.entries.map(({ name }) => new Version(this.#layout, name, this.#zone, listing))
  }

  /** What was the newest version at `time`; undefined when there was none yet. */
  async at(time: Date | number): Promise<Version | undefined> {
    const moment = Number(time)
    // After a clock has gone back, times are out of order: the last version in order counts.
    return (await this.versions()).findLast((version) => version.time.getTime() <= moment)
  }

  /** The version of that name. Rejects `missing`. */
  async version(name: VersionName): Promise<Version> {
    if (!isVersionName(name))
      throw new TidemarkError('usage', `not the name of a version: ${JSON.stringify(name)}`)
    const listing = await this.#list()
    indexOfVersion(listing, name)
    return new Version(this.#layout, name, this.#zone, listing)
  }

  /**
   * The changes between two versions (names, or what this class returned), as a unified diff. Without `to`, up to
   * the newest; without either, those of the newest. Before the first version the text was empty.
   */
  async diff(from?: Version | VersionName, to?: Version | VersionName): Promise<Buffer> {
    const listing = await this.#list()
    const last = listing.entries.length - 1
    if (last < 0) return Buffer.alloc(0)
    const end = to === undefined ? last : indexOfVersion(listing, nameOf(to))
    const start = from === undefined ? end - 1 : indexOfVersion(listing, nameOf(from))
    const [old, current] = [start, end].map((index) => listing.entries[index]?.name)
    const open = async (name: VersionName | undefined): Promise<Buffer> =>
      name === undefined ? Buffer.alloc(0) : new Version(this.#layout, name, this.#zone, listing).bytes()
    const labels = { old: old ?? 'nothing', new: current! }
    return Buffer.from(unifiedDiff(await open(old), await open(current), labels))
  }

  /** The lines of a version, the newest if none is named, each with the version since which it has stood there. */
  async blame(version?: Version | VersionName): Promise<BlamedLine[]> {
    const [{ blameLines }, { walkVersions }] = await Promise.all([
      import('./blame.ts'),
      import('./walk-versions.ts'),
    ])
    return rereading(async () => {
      const listing = await this.#list()
      const end =
        version === undefined ? listing.entries.length : indexOfVersion(listing, nameOf(version)) + 1
      return blameLines(walkVersions(this.#layout, { ...listing, entries: listing.entries.slice(0, end) }))
    })
  }

  /** The lines, of all versions, that match `pattern`, with the versions that have them. */
  async grep(pattern: RegExp, options: { signal?: AbortSignal } = {}): Promise<GrepMatch[]> {
    const [{ grepVersions }, { walkVersions }] = await Promise.all([
      import('./grep.ts'),
      import('./walk-versions.ts'),
    ])
    return rereading(async () => {
      const steps = walkVersions(this.#layout, await this.#list(), options)
      return Array.fromAsync(grepVersions(steps, pattern))
    })
  }

  /** Replays the whole history and compares it with everything that is kept of it. Changes nothing. */
  async check(options: { signal?: AbortSignal } = {}): Promise<CheckReport> {
    const { checkStream } = await import('./check.ts')
    return rereading(async () => checkStream(this.#layout, await this.#list(), options.signal))
  }

  /**
   * Gives up the versions that `policy` does not keep, but for the newest few, which are not packed yet. Returns
   * their names; with `dryRun` it only says which they are.
   */
  async forget(policy: RetentionPolicy, options: { dryRun?: boolean } = {}): Promise<VersionName[]> {
    if (options.dryRun === true) {
      const { chooseForgotten } = await import('./forget.ts')
      return chooseForgotten(await this.#list(), policy, this.#zone)
    }
    return this.#inTurn(() => this.#writer.exclusively(() => this.#writer.forget(policy, this.#clock())))
  }

  /** Each version that is added from now on (or after version `after`), until `signal` is aborted. */
  async *follow(options: FollowOptions = {}): AsyncGenerator<Version> {
    const { followVersions } = await import('./follow.ts')
    yield* followVersions(this.#layout, this.#zone, options)
  }

  async #list(): Promise<Listing> {
    const { listVersions } = await import('./listing.ts')
    return rereading(() => (this.#listing = listVersions(this.#layout, this.#listing?.packs)))
  }

  /** Waits for what is under way. The stream can be used again afterwards. */
  async close(): Promise<void> {
    await this.#turn
    await this.#packing
    // What has been recorded while the last pack was made.
    this.#packWhenDue()
    await this.#packing
    await this.#inTurn(() => this.#writer.settle())
    this.#writer.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function nameOf(version: Version | VersionName): VersionName {
  return typeof version === 'string' ? version : version.name
}
