import { closeSync, constants, fstatSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import type { FileEntry } from '../../object/entry.ts'
import type { Store } from '../../store/store.ts'
import { equalXattrs } from '../../tree/equal-entries.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { FileStat } from '../system/file-stat.ts'
import { readXattrs } from '../system/xattrs.ts'
import { finishContent, holdsContent, writeContent, type WriteOptions } from './content.ts'
import { Descriptors } from './descriptors.ts'
import { changedMeanwhile, isAsSeen, isSameState, type FileJob, type OnResult } from './file-job.ts'
import { carrierAt, carrierOf, giveMetadata, type Owned } from './metadata.ts'
import type { Inherited, OpenDirectories } from './open-directories.ts'
import { joinPath } from '../../tree/path.ts'
import { describeFailure } from './problem.ts'
import { placedAt, ReadyFiles, type Trouble } from './ready-files.ts'
import { UnfinishedFiles, type UnfinishedFile } from './unfinished-file.ts'

const ownerOnly = 0o600

export interface PlacerOptions extends Pick<WriteOptions, 'signal' | 'ahead'> {
  /** Tell what stands there in the end. */
  readonly placed?: boolean | undefined
  /** What this thread may hold open; on the first one that is known. */
  readonly descriptors?: Descriptors | undefined
}

/** A file that has been begun. */
export interface Begun {
  readonly file: UnfinishedFile
  readonly before: FileStat | undefined
  /** The mode it was made with, of which the process's umask may have taken its part. */
  readonly mode: number
}

/**
 * Writes files that have no name yet, or one beside their own; `commit` makes all of them durable at once and puts them
 * in their places, so that each path holds its whole old or its whole new content at any moment.
 */
export class FilePlacer {
  readonly #directories: OpenDirectories
  readonly #store: Store
  readonly #options: PlacerOptions
  readonly #unfinished: UnfinishedFiles
  readonly #ready: ReadyFiles

  constructor(directories: OpenDirectories, store: Store, options: PlacerOptions = {}) {
    this.#directories = directories
    this.#store = store
    this.#options = options
    this.#ready = new ReadyFiles(directories, options.placed === true)
    this.#unfinished = new UnfinishedFiles(options.descriptors ?? Descriptors.own)
  }

  /** Enough files wait for `commit`. */
  get full(): boolean {
    return this.#ready.full
  }

  /**
   * Writes a file, or finds out that it is there already. `onResult` is called before this resolves, or during
   * `commit`. Rejects only when everything else would fail too.
   */
  async place(job: FileJob, onResult: OnResult): Promise<void> {
    try {
      const { directory, entry, seen } = job
      const before = seen && this.#directories.get(directory).stat(entry.name)
      if (!isAsSeen(before, seen)) onResult({ status: 'failed', problems: [['conflict', changedMeanwhile]] })
      else if (job.check && before && (await this.#keep(job, before, onResult))) return
      else await this.#write(job, before, onResult)
    } catch (error) {
      onResult({
        status: 'failed',
        problems: [describeFailure(error, joinPath(job.directory, job.entry.name))],
      })
    }
  }

  /** Gives a file that holds the right bytes its metadata. A file with other names is left to be replaced. */
  async #keep({ directory, entry }: FileJob, before: FileStat, onResult: OnResult): Promise<boolean> {
    if (before.nlink > 1) return false
    let fd
    let isRight
    try {
      fd = this.#directories.get(directory).open(entry.name, constants.O_RDONLY)
    } catch {
      return false
    }
    try {
      if (!(await holdsContent(fd, this.#store, entry, this.#options))) return false
      isRight = hasMetadata(before, entry) && equalXattrs(readXattrs(fd), entry.xattrs)
    } finally {
      closeSync(fd)
    }
    const handle = this.#directories.get(directory)
    if (!isSameState(handle.stat(entry.name), before)) {
      onResult({ status: 'failed', problems: [['conflict', changedMeanwhile]] })
      return true
    }
    if (isRight) {
      onResult({ status: 'right', problems: [], placed: this.#placedAt(handle, entry.name, entry.size) })
      return true
    }
    const lost = giveMetadata(carrierAt(handle, entry.name), entry, before)
    const placed = this.#placedAt(handle, entry.name, entry.size)
    onResult({ status: 'kept', problems: lost.map(lostMetadata), placed })
    return true
  }

  async #write(job: FileJob, before: FileStat | undefined, onResult: OnResult): Promise<void> {
    const begun = this.#begin(job, before)
    try {
      await writeContent(begun.file.fd, this.#store, job.entry, this.#options)
    } catch (error) {
      this.giveUp(job, begun)
      throw error
    }
    this.complete(job, begun, onResult)
  }

  /**
   * Makes an empty file for a job whose content is written by somebody else, who then calls
   * `complete` or `giveUp`. Undefined when the job cannot be done, which `onResult` has been told.
   */
  begin(job: FileJob, onResult: OnResult): Begun | undefined {
    try {
      const before = job.seen && this.#directories.get(job.directory).stat(job.entry.name)
      if (isAsSeen(before, job.seen)) return this.#begin(job, before)
      onResult({ status: 'failed', problems: [['conflict', changedMeanwhile]] })
    } catch (error) {
      onResult({
        status: 'failed',
        problems: [describeFailure(error, joinPath(job.directory, job.entry.name))],
      })
    }
    return undefined
  }

  #begin({ directory, entry }: FileJob, before: FileStat | undefined): Begun {
    const handle = this.#directories.get(directory)
    const mode = modeAtFirst(entry, this.#directories.inherited(directory))
    return { file: this.#unfinished.make(handle, mode, before !== undefined), before, mode }
  }

  /** The content is written: sees to the rest, up to `commit`. */
  complete(job: FileJob, begun: Begun, onResult: OnResult): void {
    const { directory, entry } = job
    const { file, before, mode } = begun
    let lost: string[]
    try {
      finishContent(file.fd, entry)
      lost = giveMetadata(carrierOf(file.fd), entry, this.#owned(directory, file.fd, mode))
    } catch (error) {
      this.giveUp(job, begun)
      throw error
    }
    file.close()
    const problems = lost.map(lostMetadata)
    const { name, size } = entry
    this.#ready.add({ directory, name, size, file, before, problems, onResult })
  }

  /** What the new file `fd` in `directory`, which was to have `mode`, has already. */
  #owned(directory: Name, fd: number, mode: number): Owned {
    const known = this.#directories.inherited(directory)
    if (known?.modes.has(mode) === true) return { ...known, mode }
    const { uid, gid, mode: given } = fstatSync(fd)
    const inherited = known ?? { uid, gid, xattrs: readXattrs(fd).length > 0, modes: new Set() }
    if ((given & 0o7777) === mode) inherited.modes.add(mode)
    if (!known) this.#directories.noteInherited(directory, inherited)
    return { ...inherited, mode: given & 0o7777 }
  }

  giveUp({ directory }: FileJob, begun: Begun): void {
    begun.file.close()
    try {
      begun.file.discard(this.#directories.get(directory))
    } catch {
      // What cannot be removed now is removed by the next run that comes by.
    }
  }

  /** See {@link ReadyFiles.advance}. */
  advance(): Promise<void> {
    return this.#ready.advance()
  }

  /** Resolves when all files that were ready are in their places. */
  commit(): Promise<void> {
    return this.#ready.commit()
  }

  /** Removes everything that is ready and not in its place yet. */
  abort(): void {
    this.#ready.abort()
  }

  #placedAt(handle: DirectoryHandle, name: Name, size: number): FileStat | undefined {
    return this.#options.placed === true ? placedAt(handle, name, size) : undefined
  }
}

/** A file that will be nobody else's, and have nothing more than a mode, may have that from the beginning. */
function modeAtFirst({ mode, uid, gid, xattrs }: FileEntry, known: Inherited | undefined): number {
  const isPlain = mode <= 0o777 && xattrs.length === 0
  return isPlain && known?.xattrs === false && known.uid === uid && known.gid === gid ? mode : ownerOnly
}

function hasMetadata(now: FileStat, { mtimeNs, mode, uid, gid }: FileEntry): boolean {
  return now.mtimeNs === mtimeNs && now.mode === mode && now.uid === uid && now.gid === gid
}

function lostMetadata(message: string): Trouble {
  return ['lost-metadata', message]
}
