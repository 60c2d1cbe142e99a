import { lstatSync, openSync, closeSync, readSync, readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fromSystem, systemCode } from '../../errors.ts'
import {
  nameOfIndex,
  parseRecentfile,
  perlOnly,
  RecentReader,
  serialiseParts,
  type IndexDigest,
  type Interval,
  type Meta,
  type RecentEvent,
  type Recentfile,
  type Shelf,
} from '../../recent/index.ts'
import { inIndex } from '../index-error.ts'
import { replaceFile } from './durable-file.ts'

/** The index files in a directory. Whoever writes holds their locks. */
export class DiskShelf implements Shelf {
  readonly directory: string
  readonly root: string
  readonly suffix: '.yaml' | '.json'
  /** What this shelf knows the bytes of a file to be, with the state of the file when they were that. */
  readonly #digests = new Map<Interval, { readonly state: string; readonly digest: IndexDigest }>()
  /** The file that was written last, which mostly is the one that is read next. */
  #latest: { readonly interval: Interval; readonly state: string; readonly file: Recentfile } | undefined

  constructor(directory: string, root: string, suffix: string) {
    if (suffix !== '.yaml' && suffix !== '.json')
      throw perlOnly(suffix === '.sto' ? 'Storable (.sto)' : 'Data::Dumper (.dd)')
    this.directory = directory
    this.root = root
    this.suffix = suffix
  }

  path(interval: Interval): string {
    return join(this.directory, this.name(interval))
  }

  name(interval: Interval): string {
    return nameOfIndex({ root: this.root, interval, suffix: this.suffix })
  }

  read(interval: Interval): Recentfile | undefined {
    const stats = this.#stat(interval)
    if (stats === undefined) return undefined
    const mtime = `${Math.floor(stats.mtimeMs / 1000)}`
    const state = stateOf(stats)
    const known =
      this.#latest?.interval === interval && this.#latest.state === state ? this.#latest.file : undefined
    const file = known ?? this.#parse(interval)
    const { meta, events } = file
    // A file of protocol 0 does not say what it is.
    return {
      events,
      meta: { ...meta, interval: meta.interval || interval, minmax: { ...meta.minmax, mtime } },
    }
  }

  /** The events of a file one by one, for files too large to be held. */
  *stream(interval: Interval): Generator<RecentEvent> {
    const reader = new RecentReader()
    try {
      for (const piece of this.#pieces(interval)) yield* reader.push(piece)
      yield* reader.end()
    } catch (error) {
      throw inIndex(this.path(interval), error)
    }
  }

  writtenAt(interval: Interval): number | undefined {
    const stats = this.#stat(interval)
    return stats && Math.floor(stats.mtimeMs / 1000)
  }

  write(file: Recentfile): void {
    this.writeParts(file)
    const { interval } = file.meta
    this.#latest = { interval, state: stateOf(this.#stat(interval)!), file }
  }

  /** The same with events that come one by one. */
  writeParts(file: { readonly meta: Meta; readonly events: Iterable<RecentEvent> }): void {
    const { interval } = file.meta
    const written = replaceFile(this.path(interval), serialiseParts(file))
    const digest = { name: this.name(interval), ...written }
    this.#digests.set(interval, { state: stateOf(this.#stat(interval)!), digest })
  }

  /** Size and hash of the file as it is now; undefined when there is none. */
  digest(interval: Interval): IndexDigest | undefined {
    const stats = this.#stat(interval)
    if (stats === undefined) return undefined
    const known = this.#digests.get(interval)
    const state = stateOf(stats)
    if (known?.state === state) return known.digest
    const hash = createHash('sha256')
    let size = 0
    for (const piece of this.#pieces(interval)) {
      hash.update(piece)
      size += piece.length
    }
    const digest = { name: this.name(interval), size, sha256: hash.digest('hex') }
    this.#digests.set(interval, { state, digest })
    return digest
  }

  /** True when the file is as this shelf last wrote or read it. */
  isKnown(interval: Interval): boolean {
    const stats = this.#stat(interval)
    return stats !== undefined && this.#digests.get(interval)?.state === stateOf(stats)
  }

  #parse(interval: Interval): Recentfile {
    const path = this.path(interval)
    try {
      return parseRecentfile(readFileSync(path))
    } catch (error) {
      throw inIndex(path, error)
    }
  }

  *#pieces(interval: Interval): Generator<Uint8Array> {
    const path = this.path(interval)
    try {
      const file = openSync(path, 'r')
      try {
        const buffer = new Uint8Array(1 << 18)
        for (let read; (read = readSync(file, buffer)) > 0;) yield buffer.subarray(0, read)
      } finally {
        closeSync(file)
      }
    } catch (error) {
      throw fromSystem(error, `read ${path}`)
    }
  }

  #stat(interval: Interval): Stats | undefined {
    const path = this.path(interval)
    try {
      return lstatSync(path, { bigint: false, throwIfNoEntry: false })
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw fromSystem(error, `look at ${path}`)
    }
  }
}

type Stats = NonNullable<ReturnType<typeof lstatSync>> & { readonly mtimeMs: number }

/** Differs when a file was written again: each writing makes a new one and renames it. */
function stateOf({
  ino,
  size,
  mtimeMs,
  ctimeMs,
}: {
  ino: unknown
  size: unknown
  mtimeMs: unknown
  ctimeMs: unknown
}): string {
  return `${String(ino)} ${String(size)} ${String(mtimeMs)} ${String(ctimeMs)}`
}
