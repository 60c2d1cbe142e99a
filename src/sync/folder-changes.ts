import { Dirty, type Batch } from '../folder/watch/dirty.ts'
import { openWatcher } from '../folder/watch/open-watcher.ts'
import type { FolderWatcher } from '../folder/watch/watcher.ts'
import { systemTime, type Time } from '../store/time.ts'

export interface ChangesOptions {
  /** Milliseconds without a change after which it is time to look: 5 by default. */
  readonly debounceMs?: number | undefined
  /** Milliseconds after the first change that this is put off at most: 200 by default. */
  readonly maxDelayMs?: number | undefined
  /** Milliseconds between two looks at everything: 15 minutes by default, and one where not all can be watched. */
  readonly rescanMs?: number | undefined
  readonly time?: Time | undefined
}

const minute = 60_000

/**
 * What has changed in a folder since it was looked at last, as far as the system tells. From time to time it is
 * everything, for what the system tells is a hint.
 */
export class FolderChanges {
  readonly watcher: FolderWatcher
  readonly #dirty: Dirty
  readonly #time: Time
  readonly #rescanMs: number
  #rescanAt: number
  #blind = false
  #wakers = new Set<() => void>()

  constructor(root: string, options: ChangesOptions = {}) {
    const { debounceMs = 5, maxDelayMs = 200, rescanMs = 15 * minute, time = systemTime } = options
    this.#dirty = new Dirty({ debounceMs, maxDelayMs })
    this.#time = time
    this.#rescanMs = rescanMs
    this.#rescanAt = time.now() + rescanMs
    this.watcher = openWatcher(root, {
      changed: (directory) => this.#note((now) => this.#dirty.add(directory, now)),
      everything: (why) => this.#note((now) => this.#dirty.addEverything(why, now)),
      blind: () => {
        this.#blind = true
        this.#rescanAt = Math.min(this.#rescanAt, this.#time.now() + minute)
      },
    })
    this.#dirty.addEverything('first', time.now())
  }

  /** What to look at now; undefined when nothing has changed. Whoever takes it looks, or puts it back. */
  take(): Batch | undefined {
    const now = this.#time.now()
    if (now >= this.#rescanAt) this.#dirty.addEverything('rescan', now)
    if (this.#dirty.dueAt === undefined) return undefined
    const batch = this.#dirty.take()
    if (batch.only === undefined) this.#rescanAt = now + (this.#blind ? minute : this.#rescanMs)
    return batch
  }

  /** What was taken could not be looked at, or not all of it. */
  putBack(batch: Batch): void {
    this.#note((now) => this.#dirty.putBack(batch, now))
  }

  /** Resolves when it is time to look, or something else happened (see `wake`); at the latest after `waitMs`. */
  async wait(waitMs: number, signal?: AbortSignal): Promise<void> {
    const until = this.#time.now() + waitMs
    for (;;) {
      const now = this.#time.now()
      const dueAt = Math.min(this.#dirty.dueAt ?? Infinity, this.#rescanAt, until)
      if (now >= dueAt || signal?.aborted === true) return
      const woken = await this.#sleep(dueAt - now, signal)
      if (woken === 'woken') return
    }
  }

  /** All that wait are to look again. */
  wake(): void {
    for (const waker of this.#wakers) waker()
  }

  async #sleep(milliseconds: number, signal?: AbortSignal): Promise<'woken' | 'slept'> {
    const timer = new AbortController()
    let woken = false
    const waker = (): void => {
      woken = true
      timer.abort()
    }
    const stop = (): void => timer.abort()
    this.#wakers.add(waker)
    this.#sleepers.add(stop)
    signal?.addEventListener('abort', stop)
    await this.#time.sleep(milliseconds, timer.signal).catch(() => {})
    signal?.removeEventListener('abort', stop)
    this.#wakers.delete(waker)
    this.#sleepers.delete(stop)
    return woken ? 'woken' : 'slept'
  }

  readonly #sleepers = new Set<() => void>()

  #note(add: (now: number) => void): void {
    const wasClean = this.#dirty.dueAt === undefined
    add(this.#time.now())
    // The time to look has been set; later changes only put it off.
    if (wasClean) for (const stop of this.#sleepers) stop()
  }

  close(): void {
    this.watcher.close()
    this.wake()
  }
}
