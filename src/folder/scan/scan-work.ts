import type { Name } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import type { Xattr } from '../../object/entry.ts'
import { idOf } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import { isFarthestTime, type FileStat } from '../system/file-stat.ts'
import { readXattrs } from '../system/xattrs.ts'
import type { XattrHolder } from '../system/xattrs.ts'
import { LinkedFiles } from './linked-files.ts'
import type { Problem, ScanCounts, ScanOptions } from './scan.ts'

/** Pieces of trees that wait to be stored before the walk does. */
const putsAtOnce = 64

/** What the parts of one scan share: what was asked for, and what comes of it besides the tree. */
export class ScanWork {
  readonly options: ScanOptions
  readonly links: LinkedFiles = new LinkedFiles()
  readonly counts: ScanCounts = { files: 0, directories: 0, bytes: 0, read: 0 }
  #puts: { id: Id; bytes: Uint8Array }[] = []

  constructor(options: ScanOptions) {
    this.options = options
  }

  problem(path: Name, code: Problem['code'], reason: unknown): void {
    const message = reason instanceof Error ? reason.message : String(reason)
    this.options.onProblem({ path, code, message })
  }

  /** To be called for what is recorded anew: its time may be beyond what trees can hold. */
  checkTime(path: Name, { mtimeNs }: FileStat): void {
    if (!isFarthestTime(mtimeNs)) return
    this.problem(path, 'lost-metadata', 'its time is before 1677 or after 2262: the nearest is recorded')
  }

  /** The attributes of what is at `path`; those that cannot be read are a problem, not a failure. */
  xattrs(holder: XattrHolder, path: Name): readonly Xattr[] {
    try {
      return readXattrs(holder)
    } catch (error) {
      if (!isTidemarkError(error, 'missing')) this.problem(path, 'lost-metadata', error)
      return []
    }
  }

  /**
   * The directory is gone, or is not entered. Its leaves must go too: their chunks are kept only as long as
   * some snapshot has them.
   */
  forget(directory: Name): void {
    this.options.memory.deleteBelow(directory)
    this.options.watch?.leave(directory)
  }

  /** Takes a piece of a tree or list, to be stored at the next {@link settlePuts}. */
  readonly emit = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    this.#puts.push({ id, bytes })
    return id
  }

  /** True when so much waits to be stored that the walk should wait for it. */
  get crowded(): boolean {
    return this.#puts.length >= putsAtOnce
  }

  async settlePuts(): Promise<void> {
    while (this.#puts.length > 0) {
      const puts = this.#puts
      this.#puts = []
      for (const { id, bytes } of puts) await this.options.put(id, bytes)
    }
  }
}
