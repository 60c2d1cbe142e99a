import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, type TidemarkError } from '../../errors.ts'
import { openWatcher } from '../../folder/watch/open-watcher.ts'
import type { FolderWatcher, OpenWatcher } from '../../folder/watch/watcher.ts'
import type { Interval } from '../../recent/index.ts'
import { systemTime, type Time } from '../../store/time.ts'
import { ChangedPlaces } from './changed-places.ts'
import type { CheckReport, OriginOptions } from './origin-options.ts'
import { Origin } from './origin.ts'

export interface PublishOptions extends OriginOptions {
  /** Milliseconds without a change before it is told of: 100 by default. */
  readonly debounceMs?: number | undefined
  /** Milliseconds after the first change that this is put off at most: 1000 by default. */
  readonly maxDelayMs?: number | undefined
  /** Milliseconds between two aggregations at least: a minute by default. */
  readonly aggregateMs?: number | undefined
  /** Milliseconds between two looks at everything: an hour by default. */
  readonly rescanMs?: number | undefined
  readonly keepDeletes?: boolean | undefined
  readonly onEvent?: ((event: PublishEvent) => void) | undefined
  readonly time?: Time | undefined
  readonly openWatcher?: OpenWatcher | undefined
}

export interface PublishEvent {
  readonly kind: 'watching' | 'lost' | 'blind' | 'failed' | 'aggregated'
  readonly message: string
}

/** What one step of publishing has done. */
export interface PublishReport extends CheckReport {
  /** Of the step, milliseconds. */
  readonly took: number
}

const minute = 60_000
/** Files that change while they are read are read again after the first time; each time later, up to the second. */
const unstableWaits = [500, 30_000] as const
const failureWaits = [1000, minute] as const

/** Brings the index up to date with the tree, once. */
export async function publishOnce(directory: string, options: PublishOptions = {}): Promise<PublishReport> {
  const start = performance.now()
  const origin = await Origin.open(directory, options)
  try {
    const report = await origin.check()
    if (origin.wantsAggregate) await origin.aggregate({ keepDeletes: options.keepDeletes })
    await origin.writeSketch()
    return { ...report, took: performance.now() - start }
  } finally {
    origin.close()
  }
}

/**
 * Keeps the index of a tree up to date until the signal is aborted or the iteration ended: looks at everything,
 * then at what the system tells of, and at everything again when it may have told too little. Yields a report of
 * the first step, and of each that told of something.
 */
export async function* publish(
  directory: string,
  options: PublishOptions = {},
): AsyncGenerator<PublishReport> {
  const origin = await Origin.open(directory, options)
  const publisher = new Publisher(origin, options)
  try {
    yield* publisher.run()
  } finally {
    await publisher.close()
  }
}

class Publisher {
  readonly #origin: Origin
  readonly #options: PublishOptions
  readonly #time: Time
  readonly #changed: ChangedPlaces
  readonly #watcher: FolderWatcher
  #rescanAt = Infinity
  #aggregateAt = Infinity
  #aggregatedAt = -Infinity
  #isBlind = false
  #unstableTimes = 0
  #failures = 0
  #wake: () => void = () => {}

  constructor(origin: Origin, options: PublishOptions) {
    this.#origin = origin
    this.#options = options
    this.#time = options.time ?? systemTime
    this.#changed = new ChangedPlaces(options.debounceMs ?? 100, options.maxDelayMs ?? 1000)
    this.#watcher = (options.openWatcher ?? openWatcher)(origin.directory, {
      changed: (place, name) => {
        if (place === '' && name !== undefined && this.#isOwnWriting(name)) return
        this.#note((now) => this.#changed.add(place, name, now))
      },
      everything: (why) => {
        if (why === 'lost') this.#say('lost', 'changes came too fast to be told of: looking at everything')
        this.#note((now) => this.#changed.addEverything(now))
      },
      blind: (reason) => {
        if (!this.#isBlind) this.#say('blind', `not all directories can be watched: ${reason}`)
        this.#isBlind = true
      },
    })
    options.signal?.addEventListener('abort', this.#stop)
  }

  async *run(): AsyncGenerator<PublishReport> {
    this.#changed.addEverything(this.#time.now())
    for (let isFirst = true; !this.#stopped;) {
      const report = isFirst ? await this.#step() : await this.#next()
      if (report === undefined) continue
      if (isFirst) {
        this.#say('watching', `watching ${this.#watcher.directories} directories`)
        await this.#origin.writeSketch()
      }
      if (isFirst || report.changes.length > 0) yield report
      isFirst = false
    }
  }

  /** What is done so far is whole; the sketch is brought up to date with it. */
  async close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#stop)
    this.#watcher.close()
    try {
      await this.#origin.writeSketch()
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      this.#say('failed', error.message)
    } finally {
      this.#origin.close()
    }
  }

  /** Waits for something to do, and does it. */
  async #next(): Promise<PublishReport | undefined> {
    const now = this.#time.now()
    if (now >= this.#rescanAt) this.#changed.addEverything(now)
    if (now >= Math.min(this.#changed.dueAt ?? Infinity, this.#rescanAt)) return this.#step()
    if (now >= this.#aggregateAt) return this.#aggregate()
    await this.#sleep(Math.min(this.#changed.dueAt ?? Infinity, this.#rescanAt, this.#aggregateAt) - now)
    return undefined
  }

  async #step(): Promise<PublishReport | undefined> {
    const where = this.#changed.take()
    const start = this.#time.now()
    if (where === 'everything') this.#isBlind = false
    try {
      this.#watcher.begin(where === 'everything')
      const report = await this.#origin.check(where, { watch: this.#watcher })
      this.#watcher.end()
      const now = this.#time.now()
      if (where === 'everything') this.#rescanAt = now + this.#untilRescan()
      this.#failures = 0
      this.#retryUnstable(report.unstable, now)
      this.#planAggregate(now)
      return { ...report, took: now - start }
    } catch (error) {
      await this.#fail(error)
      return undefined
    }
  }

  async #aggregate(): Promise<undefined> {
    try {
      const { keepDeletes } = this.#options
      const written: ReadonlySet<Interval> = await this.#origin.aggregate({ keepDeletes })
      await this.#origin.writeSketch()
      if (written.size > 0) this.#say('aggregated', `wrote ${[...written].join(', ')}`)
      this.#aggregatedAt = this.#time.now()
      this.#aggregateAt = Infinity
    } catch (error) {
      this.#aggregateAt = this.#time.now() + minute
      await this.#fail(error)
    }
    return undefined
  }

  #planAggregate(now: number): void {
    if (this.#aggregateAt !== Infinity || !this.#origin.wantsAggregate) return
    this.#aggregateAt = Math.max(now, this.#aggregatedAt + (this.#options.aggregateMs ?? minute))
  }

  /** Nobody tells of a file again that has ceased to change while it was read. */
  #retryUnstable(paths: readonly Name[], now: number): void {
    if (paths.length === 0) {
      this.#unstableTimes = 0
      return
    }
    const [least, most] = unstableWaits
    const at = now + Math.min(most, least * 2 ** this.#unstableTimes++)
    for (const path of paths) {
      const slash = path.lastIndexOf('/')
      this.#changed.add(slash < 0 ? '' : path.slice(0, slash), path.slice(slash + 1), at)
    }
  }

  async #fail(error: unknown): Promise<void> {
    if (!isTidemarkError(error)) throw error
    if (this.#stopped && error.code === 'cancelled') return
    if (!passes(error)) throw error
    this.#say('failed', error.message)
    const [least, most] = failureWaits
    await this.#sleep(Math.min(most, least * 2 ** this.#failures++))
    this.#changed.addEverything(this.#time.now())
  }

  #untilRescan(): number {
    const { rescanMs = 60 * minute } = this.#options
    return this.#isBlind ? Math.min(rescanMs, 2 * minute) : rescanMs
  }

  /** What others write into the index is looked at at once. */
  #isOwnWriting(name: Name): boolean {
    return this.#origin.isIndexPath(name) && this.#origin.knowsPrincipal
  }

  #note(add: (now: number) => void): void {
    const dueAt = this.#changed.dueAt
    add(this.#time.now())
    if (dueAt === undefined) this.#wake()
  }

  get #stopped(): boolean {
    return this.#options.signal?.aborted ?? false
  }

  readonly #stop = (): void => this.#wake()

  async #sleep(milliseconds: number): Promise<void> {
    if (this.#stopped) return
    const timer = new AbortController()
    this.#wake = () => timer.abort()
    await this.#time.sleep(milliseconds, timer.signal).catch(() => {})
    this.#wake = () => {}
  }

  #say(kind: PublishEvent['kind'], message: string): void {
    this.#options.onEvent?.({ kind, message })
  }
}

/**
 * Whether to try again: a disk that is full, a lock that is held. When the directory or its index is gone, nothing that is
 * known of it holds any longer, not even that it is watched.
 */
function passes(error: TidemarkError): boolean {
  return ['busy', 'full', 'unavailable', 'timeout', 'failed'].includes(error.code)
}
