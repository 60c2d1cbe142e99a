import { parseRecentfile, serialise, type Recentfile, type Shelf } from '../../src/recent/index.ts'

/** Index files in memory, as their bytes: what is not in those does not survive. */
export class MemoryShelf implements Shelf {
  readonly files: Map<string, Uint8Array> = new Map()
  readonly times: Map<string, number> = new Map()
  /** Seconds: the time at which what is written next will have been written. */
  clock = 0

  read(interval: string): Recentfile | undefined {
    const bytes = this.files.get(interval)
    if (bytes === undefined) return undefined
    const { meta, events } = parseRecentfile(bytes)
    return { events, meta: { ...meta, minmax: { ...meta.minmax, mtime: `${this.times.get(interval)}` } } }
  }

  writtenAt(interval: string): number | undefined {
    return this.times.get(interval)
  }

  write(file: Recentfile): void {
    this.files.set(file.meta.interval, serialise(file))
    this.times.set(file.meta.interval, Math.floor(this.clock))
  }
}
