import { watch, type FSWatcher } from 'node:fs'

/** Where no event comes (a full queue, a file system without events), it is looked at this often. Milliseconds. */
const lookAnyway = 1000

/**
 * Wakes those who wait for a file in one directory to change. The directory is watched only while somebody
 * waits. Who is woken looks for himself: an event says no more than that it may be worth it.
 */
export class RootChanges {
  readonly #root: string
  readonly #most: number
  readonly #waiting = new Set<() => void>()
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined

  /** At most `most` wait at a time. */
  constructor(root: string, most = 1000) {
    this.#root = root
    this.#most = most
  }

  /**
   * Resolves once `isSo()`, which is tried after each event, or when `milliseconds` have passed or the signal
   * is aborted; at once when too many wait already.
   */
  async until(isSo: () => boolean, milliseconds: number, signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#most || signal.aborted) return
    this.#begin()
    // Only what changes from here on is told: whoever came too late for the event sees it now.
    if (!isSo()) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', end)
          this.#waiting.delete(look)
          resolve()
        }
        const look = (): void => {
          if (isSo()) end()
        }
        const timer = setTimeout(end, milliseconds)
        signal.addEventListener('abort', end)
        this.#waiting.add(look)
      })
    }
    if (this.#waiting.size === 0) this.close()
  }

  #begin(): void {
    this.#timer ??= setInterval(() => this.#wake(), lookAnyway)
    if (this.#watcher) return
    try {
      this.#watcher = watch(this.#root, () => this.#wake())
      // Then there is only the timer.
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      this.#watcher = undefined
    }
  }

  #wake(): void {
    for (const look of this.#waiting) look()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#watcher?.close()
    this.#timer = undefined
    this.#watcher = undefined
  }
}
