import { isTidemarkError } from '../errors.ts'
import type { TidemarkError } from '../errors.ts'
import { Folder } from '../folder/folder.ts'
import { Dirty } from '../folder/watch/dirty.ts'
import type { Batch, Why } from '../folder/watch/dirty.ts'
import { openWatcher } from '../folder/watch/open-watcher.ts'
import type { FolderWatcher, Hints, OpenWatcher } from '../folder/watch/watcher.ts'
import type { Id } from '../object/id.ts'
import { systemTime } from '../store/time.ts'
import type { Time } from '../store/time.ts'
import { takeSnapshot } from './snapshot.ts'
import type { SnapshotReport } from './snapshot.ts'
import type { WatchEvent } from './watch-event.ts'

export interface WatchOptions {
  /** Milliseconds without a change before a snapshot is taken: 2 seconds by default. */
  readonly debounceMs?: number | undefined
  /** Milliseconds after the first change that it is put off at most: 30 seconds by default. */
  readonly maxDelayMs?: number | undefined
  /** Milliseconds between two scans of everything, 15 minutes by default; each time up to a fifth more or less. */
  readonly rescanMs?: number | undefined
  readonly oneFileSystem?: boolean | undefined
  /** Ends the watch, without an error. */
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: ((event: WatchEvent) => void) | undefined
  readonly time?: Time | undefined
  /** A number from 0 to 1. */
  readonly random?: (() => number) | undefined
  readonly openWatcher?: OpenWatcher | undefined
}

const second = 1000
const minute = 60 * second

/** When changes may go unnoticed everything is scanned this often, but for at most one part in `share` of the time. */
const shortRescan = minute
const share = 20
/** Without work for so long the repository and the state are closed: no memory, and the disk can be unmounted. */
const idleMs = 30 * second
/** The first and the longest wait for the folder's return, and between two attempts at a snapshot. */
const awayWaits = [second, 30 * second] as const
const failureWaits = [2 * second, 5 * minute] as const

/**
 * Takes a snapshot, and another whenever something has changed, until `signal` is aborted or the iteration is
 * ended. Yields the report of the first, and then of every time when there is a new snapshot, be it taken by
 * another process (then without `id`: it is the `parent`).
 *
 * What the system tells of changes is a hint: everything is scanned from time to time. A folder that goes
 * away (unmounted, moved, replaced by another) is waited for. Other failures are retried, later and later;
 * but those of the very first snapshot reject, unless they may pass by themselves. Work is done only while a
 * report is waited for.
 */
export async function* watchFolder(
  folder: Folder,
  options: WatchOptions = {},
): AsyncGenerator<SnapshotReport> {
  const watch = new Watch(await Folder.open(folder.root), options)
  try {
    yield* watch.run()
  } finally {
    watch.close()
  }
}

class Watch {
  readonly #options: WatchOptions
  readonly #time: Time
  readonly #dirty: Dirty
  readonly #rescanMs: number
  #folder: Folder
  #watcher: FolderWatcher
  #wake: () => void = () => {}
  #rescanAt: number
  #idleAt = Infinity
  /** Some directories are not watched, or were not when the last scan of everything began. */
  #blind = false
  /** That has been said. */
  #saidBlind = false
  /** Changes were lost since the last scan of everything began. */
  #lost = false
  /** What the last scan of everything took. */
  #wholeMs = 0
  /** Failures in a row. */
  #failures = 0
  #succeeded = false

  constructor(folder: Folder, options: WatchOptions) {
    this.#folder = folder
    this.#options = options
    this.#time = options.time ?? systemTime
    this.#rescanMs = options.rescanMs ?? 15 * minute
    const { debounceMs = 2 * second, maxDelayMs = 30 * second } = options
    this.#dirty = new Dirty({ debounceMs, maxDelayMs })
    this.#rescanAt = this.#time.now()
    this.#watcher = this.#open()
    options.signal?.addEventListener('abort', this.#stop)
  }

  async *run(): AsyncGenerator<SnapshotReport> {
    let latest: Id | undefined
    for (let first = true; ;) {
      const batch = await this.#next()
      if (batch === undefined) return
      const report = await this.#look(batch)
      if (report === undefined) continue
      const id = report.id ?? report.parent
      if (first || id !== latest) yield report
      first = false
      latest = id
    }
  }

  close(): void {
    this.#options.signal?.removeEventListener('abort', this.#stop)
    this.#watcher.close()
    this.#folder.close()
  }

  /** Waits until it is time to look at something; undefined when the watch is to end. */
  async #next(): Promise<Batch | undefined> {
    while (!this.#stopped) {
      const now = this.#time.now()
      const dueAt = this.#dirty.dueAt ?? Infinity
      if (now >= this.#rescanAt) {
        this.#dirty.addEverything(this.#succeeded ? 'rescan' : 'first', now)
        return this.#dirty.take()
      }
      if (now >= dueAt) return this.#dirty.take()
      if (now >= this.#idleAt) {
        this.#folder.close()
        this.#idleAt = Infinity
      }
      await this.#sleep(Math.min(dueAt, this.#rescanAt, this.#idleAt) - now)
    }
    return undefined
  }

  /** Takes a snapshot; undefined when that failed, and some time has been waited. */
  async #look(batch: Batch): Promise<SnapshotReport | undefined> {
    const { oneFileSystem, signal } = this.#options
    const { only } = batch
    const start = this.#time.now()
    this.#say(scanEvent(batch))
    if (only === undefined) this.#blind = this.#lost = false
    try {
      this.#watcher.begin(only === undefined)
      const watch = this.#watcher
      const report = await takeSnapshot(this.#folder, { only, watch, oneFileSystem, signal })
      this.#watcher.end()
      if (only === undefined) this.#finishWhole(start)
      this.#finish()
      return report
    } catch (error) {
      if (!this.#stopped) await this.#fail(error, batch)
      return undefined
    }
  }

  #finishWhole(start: number): void {
    const now = this.#time.now()
    this.#wholeMs = now - start
    this.#rescanAt = now + (this.#blind ? this.#shortRescan() : this.#rescanMs * this.#jitter())
    this.#saidBlind = this.#blind
  }

  #shortRescan(): number {
    return Math.min(Math.max(shortRescan, share * this.#wholeMs), this.#rescanMs) * this.#jitter()
  }

  #finish(): void {
    this.#idleAt = this.#time.now() + idleMs
    if (this.#failures > 0) this.#say({ kind: 'recovered', message: 'snapshots are taken again' })
    this.#failures = 0
    if (this.#succeeded) return
    this.#succeeded = true
    const { directories } = this.#watcher
    this.#say({ kind: 'watching', directories, message: `watching ${directories} directories` })
  }

  async #fail(error: unknown, batch: Batch): Promise<void> {
    if (!isTidemarkError(error)) throw error
    const away = absence(this.#folder)
    if (away) return this.#awaitReturn(away)
    if (!this.#succeeded && !isTidemarkError(error, 'busy', 'unavailable', 'timeout', 'full')) throw error
    const now = this.#time.now()
    // While another process takes a snapshot nothing has been looked at. Of what else went wrong who knows.
    if (isTidemarkError(error, 'busy')) this.#dirty.putBack(batch, now)
    else {
      this.#dirty.addEverything('failure', now)
      this.#folder.close()
    }
    const waitMs = this.#backOff(this.#failures++, failureWaits)
    this.#say({ kind: 'failed', error, waitMs, message: `no snapshot: ${error.message}` })
    await this.#wait(waitMs)
  }

  /** Waits until the folder is where it was. It may have come back on another device. */
  async #awaitReturn(error: TidemarkError): Promise<void> {
    this.#say({ kind: 'away', error, message: error.message })
    this.#watcher.close()
    this.#folder.close()
    for (let n = 0; !this.#stopped; n++) {
      await this.#wait(this.#backOff(n, awayWaits))
      const found = await openAgain(this.#folder)
      if (found === undefined) continue
      this.#folder = found
      this.#watcher = this.#open()
      this.#dirty.addEverything('return', this.#time.now())
      return this.#say({ kind: 'back', message: 'the folder is back' })
    }
  }

  #open(): FolderWatcher {
    const open = this.#options.openWatcher ?? openWatcher
    const hints: Hints = {
      changed: (directory) => this.#note((now) => this.#dirty.add(directory, now)),
      everything: (why) => {
        if (why === 'lost') {
          if (!this.#lost) this.#say({ kind: 'lost', message: 'changes came too fast to be told of' })
          this.#lost = true
        }
        this.#note((now) => this.#dirty.addEverything(why, now))
      },
      blind: (reason) => {
        const message = `not all directories can be watched: ${reason}. Everything is looked at more often`
        if (!this.#saidBlind) this.#say({ kind: 'blind', message })
        this.#blind = this.#saidBlind = true
        this.#rescanAt = Math.min(this.#rescanAt, this.#time.now() + this.#shortRescan())
        this.#wake()
      },
    }
    return open(this.#folder.root, hints)
  }

  #note(add: (now: number) => void): void {
    const wasClean = this.#dirty.dueAt === undefined
    add(this.#time.now())
    // Later changes only put off what is due already.
    if (wasClean) this.#wake()
  }

  get #stopped(): boolean {
    return this.#options.signal?.aborted ?? false
  }

  readonly #stop = (): void => this.#wake()

  /** Until the time has come, or the first change. */
  async #sleep(milliseconds: number): Promise<void> {
    const timer = new AbortController()
    this.#wake = () => timer.abort()
    await this.#time.sleep(milliseconds, timer.signal).catch(() => {})
    this.#wake = () => {}
  }

  /** Whatever changes, unless the watch is to end. */
  async #wait(milliseconds: number): Promise<void> {
    const until = this.#time.now() + milliseconds
    for (let now = until - milliseconds; now < until && !this.#stopped; now = this.#time.now())
      await this.#sleep(until - now)
  }

  /** Milliseconds before attempt number `n`: twice as many each time, a fifth more or less. */
  #backOff(n: number, [least, most]: readonly [number, number]): number {
    return Math.min(least * 2 ** n, most) * this.#jitter()
  }

  #jitter(): number {
    return 0.8 + 0.4 * (this.#options.random ?? Math.random)()
  }

  #say(event: WatchEvent): void {
    this.#options.onEvent?.(event)
  }
}

/** Why the folder is not where it was; undefined when it is. */
function absence(folder: Folder): TidemarkError | undefined {
  try {
    folder.checkPresent()
    return undefined
  } catch (error) {
    if (isTidemarkError(error)) return error
    throw error
  }
}

/** The very folder, at its old place; undefined when it is not there. */
async function openAgain({ root, settings }: Folder): Promise<Folder | undefined> {
  try {
    const found = await Folder.open(root)
    const { folder, device } = found.settings
    return found.root === root && folder === settings.folder && device === settings.device ? found : undefined
  } catch (error) {
    if (isTidemarkError(error)) return undefined
    throw error
  }
}

const reasons: Readonly<Record<Why, string>> = {
  first: 'to begin with',
  rescan: 'from time to time',
  rules: 'because of changed rules',
  lost: 'because changes were lost',
  many: 'because so much has changed',
  failure: 'after a failure',
  return: 'because the folder was away',
}

function scanEvent({ only, why }: Batch): WatchEvent {
  if (why !== undefined) return { kind: 'scan', why, message: `looking at everything, ${reasons[why]}` }
  return { kind: 'scan', directories: only.size, message: `looking at ${only.size} changed directories` }
}
