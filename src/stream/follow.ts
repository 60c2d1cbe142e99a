import { type FSWatcher, watch } from 'node:fs'
import type { StreamLayout } from './layout.ts'
import { type Listing, listVersions } from './listing.ts'
import { rereading } from './rereading.ts'
import { Version } from './version.ts'
import { compareVersions, type NameZone, type VersionName } from './version-name.ts'

export interface FollowOptions {
  /** Begin behind this version instead of behind the newest. */
  readonly after?: VersionName
  /** Begin with the oldest version. */
  readonly all?: boolean
  readonly signal?: AbortSignal
  /** Milliseconds after which to look again even when nothing was heard of a change: 1,000 if not given. */
  readonly interval?: number
}

/**
 * Yields each version as it is added. The system's notices of changes make it quick; looking again from time to
 * time makes it sure, since notices get lost and some file systems give none.
 */
export async function* followVersions(
  layout: StreamLayout,
  zone: NameZone,
  options: FollowOptions,
): AsyncGenerator<Version> {
  const { interval = 1000 } = options
  const signal = options.signal ?? new AbortController().signal
  let listing = await rereading(() => listVersions(layout))
  let after = options.all === true ? undefined : (options.after ?? listing.entries.at(-1)?.name)
  const bell = new Bell()
  const ring = (): void => bell.ring()
  signal.addEventListener('abort', ring)
  let watcher: FSWatcher | undefined
  try {
    for (;;) {
      if (signal.aborted) return
      for (const name of newer(listing, after)) {
        yield new Version(layout, name, zone, listing)
        if (signal.aborted) return
        after = name
      }
      watcher ??= tryWatch(layout.state, ring)
      await bell.wait(interval)
      const known: Listing = listing
      listing = await rereading(() => listVersions(layout, known.packs))
    }
  } finally {
    signal.removeEventListener('abort', ring)
    watcher?.close()
  }
}

function newer(listing: Listing, after: VersionName | undefined): VersionName[] {
  const names = listing.entries.map((entry) => entry.name)
  return after === undefined ? names : names.filter((name) => compareVersions(name, after) > 0)
}

/** The directory may not be there yet, or not be one that can be watched. */
function tryWatch(directory: string, ring: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, ring)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}

/** Wakes one sleeper, also when it rang just before it fell asleep. */
class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  async wait(milliseconds: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#rung = false
    this.#wake = undefined
  }
}
