import { setImmediate } from 'node:timers/promises'
import type { Name } from '../../bytes/name.ts'
import { joinPath } from '../../tree/path.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { FileStat } from '../system/file-stat.ts'
import { syncDevicesLater } from './durable.ts'
import { changedMeanwhile, type OnResult } from './file-job.ts'
import type { OpenDirectories } from './open-directories.ts'
import { describeFailure, type ProblemCode } from './problem.ts'
import type { UnfinishedFile } from './unfinished-file.ts'

export type Trouble = readonly [ProblemCode, string]

/** A file that is written whole, and is to be put in its place. */
export interface ReadyFile {
  readonly directory: Name
  readonly name: Name
  readonly size: number
  readonly file: UnfinishedFile
  /** What stands in its place. */
  readonly before: FileStat | undefined
  readonly problems: readonly Trouble[]
  readonly onResult: OnResult
}

interface Amount {
  readonly files: number
  readonly bytes: number
}

/** Files ought to be put in their places when so many wait, or so many bytes. */
const enough: Amount = { files: 2048, bytes: 64 * 1024 * 1024 }
/** The same while others are on their way: the disk sets the pace, and nobody waits for it before that. */
const tooMuch: Amount = { files: 16_384, bytes: 384 * 1024 * 1024 }
/** Fewer files than this are synced one by one. */
const fewFiles = 8
/** Files put in their places between two turns of the event loop. */
const filesPerTurn = 512

/** Files that are on their way to their places together; the first `placed` of them are there. */
interface Batch {
  readonly files: readonly ReadyFile[]
  placed: number
}

/** Files that are ready: many at a time become durable at once, and are put in their places then. */
export class ReadyFiles {
  readonly #directories: OpenDirectories
  readonly #tellsPlaced: boolean
  #waiting: ReadyFile[] = []
  #bytes = 0
  readonly #batches = new Map<Batch, Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  /** With `tellsPlaced` results tell what stands there in the end. */
  constructor(directories: OpenDirectories, tellsPlaced: boolean) {
    this.#directories = directories
    this.#tellsPlaced = tellsPlaced
  }

  add(file: ReadyFile): void {
    this.#waiting.push(file)
    this.#bytes += file.size
  }

  /** Enough of them wait. */
  get full(): boolean {
    const { files, bytes } = this.#batches.size > 0 ? tooMuch : enough
    return this.#waiting.length >= files || this.#bytes >= bytes
  }

  /**
   * Begins to put them in their places, once those of the call before are: the disk works on these while more are
   * written. Resolves when the next may be begun.
   */
  async advance(): Promise<void> {
    await this.#settled()
    this.#begin()
  }

  /** Resolves when all are in their places. */
  async commit(): Promise<void> {
    this.#begin()
    await this.#settled()
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#batches.values())
    if (this.#failure) throw this.#failure.error
  }

  #begin(): void {
    if (this.#waiting.length === 0) return
    const batch: Batch = { files: this.#waiting, placed: 0 }
    this.#waiting = []
    this.#bytes = 0
    this.#batches.set(batch, this.#place(batch))
  }

  async #place(batch: Batch): Promise<void> {
    const { files } = batch
    try {
      await this.#sync(files)
      // What was aborted meanwhile counts as placed.
      while (batch.placed < files.length) {
        this.#placeOne(files[batch.placed++]!)
        if (batch.placed % filesPerTurn === 0) await setImmediate()
      }
    } catch (error) {
      this.#failure ??= { error }
    }
    this.#discardRest(batch)
    this.#batches.delete(batch)
  }

  async #sync(files: readonly ReadyFile[]): Promise<void> {
    const one = (): void => {
      for (const { directory, file } of files) file.sync(this.#directories.get(directory))
    }
    if (files.length < fewFiles) one()
    else await syncDevicesLater(this.#directories, new Set(files.map(({ directory }) => directory)), one)
  }

  #placeOne({ directory, name, size, file, before, problems, onResult }: ReadyFile): void {
    try {
      const handle = this.#directories.get(directory)
      if (file.place(handle, name, before)) {
        const placed = this.#tellsPlaced ? placedAt(handle, name, size) : undefined
        onResult({ status: 'written', problems, placed })
        return
      }
      this.#discard(directory, file)
      onResult({ status: 'failed', problems: [['conflict', changedMeanwhile]] })
    } catch (error) {
      this.#discard(directory, file)
      onResult({ status: 'failed', problems: [describeFailure(error, joinPath(directory, name))] })
    }
  }

  /** Removes everything that is not in its place yet. */
  abort(): void {
    this.#discardRest({ files: this.#waiting, placed: 0 })
    this.#waiting = []
    this.#bytes = 0
    for (const batch of this.#batches.keys()) this.#discardRest(batch)
  }

  #discardRest(batch: Batch): void {
    while (batch.placed < batch.files.length) {
      const { directory, file } = batch.files[batch.placed++]!
      this.#discard(directory, file)
    }
  }

  #discard(directory: Name, file: UnfinishedFile): void {
    try {
      file.discard(this.#directories.get(directory))
    } catch {
      // What cannot be removed now is removed by the next run that comes by.
    }
  }
}

/** After the last change to it: what puts it there changes its ctime as well. */
export function placedAt(handle: DirectoryHandle, name: Name, size: number): FileStat | undefined {
  try {
    const stat = handle.stat(name)
    return stat?.kind === 'file' && stat.size === size ? stat : undefined
  } catch {
    // It is in its place all the same, and will be read.
    return undefined
  }
}
