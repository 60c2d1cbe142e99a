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
import { syncDevicesLater } from './durable.ts'
import { changedMeanwhile, isAsSeen, isSameState, type FileJob, type OnResult } from './file-job.ts'
import { carrierAt, carrierOf, giveMetadata, type Owned } from './metadata.ts'
import type { Inherited, OpenDirectories } from './open-directories.ts'
import { joinPath } from '../../tree/path.ts'
import { describeFailure, type ProblemCode } from './problem.ts'
import { UnfinishedFiles, type UnfinishedFile } from './unfinished-file.ts'

/** A file that is ready to be put in its place. */
interface Ready {
  readonly directory: Name
  readonly name: Name
  readonly size: number
  readonly file: UnfinishedFile
  readonly before: FileStat | undefined
  readonly problems: readonly Trouble[]
  readonly onResult: OnResult
}

type Trouble = readonly [ProblemCode, string]

const ownerOnly = 0o600

/** Files ought to be put in their places when so many wait, or so many bytes. */
const enough: Amount = { files: 2048, bytes: 64 * 1024 * 1024 }
/** The same while others are on their way: the disk sets the pace, and nobody waits for it before that. */
const tooMuch: Amount = { files: 16_384, bytes: 384 * 1024 * 1024 }

interface Amount {
  readonly files: number
  readonly bytes: number
}

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

/** Fewer files than this are synced one by one. */
const fewFiles = 8

/**
 * Writes files beside their final names; `commit` makes all of them durable at once and renames them, so that
 * each path holds its whole old or its whole new content at any moment.
 */
export class FilePlacer {
  readonly #directories: OpenDirectories
  readonly #store: Store
  readonly #options: PlacerOptions
  readonly #unfinished: UnfinishedFiles
  #ready: Ready[] = []
  #bytes = 0
  /** Files that are being committed; the first `#placed` of them are in their places. */
  #unplaced: readonly Ready[] = []
  #placed = 0
  #committing: Promise<void> | undefined
  #isCommitting = false
  #aborted = false

  constructor(directories: OpenDirectories, store: Store, options: PlacerOptions = {}) {
    this.#directories = directories
    this.#store = store
    this.#options = options
    this.#unfinished = new UnfinishedFiles(options.descriptors ?? Descriptors.own)
  }

  /** Enough files wait for `commit`. */
  get full(): boolean {
    const { files, bytes } = this.#isCommitting ? tooMuch : enough
    return this.#ready.length >= files || this.#bytes >= bytes
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
    this.#ready.push({ directory, name, size, file, before, problems, onResult })
    this.#bytes += size
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
    this.#discard(directory, begun.file)
  }

  /**
   * Begins to put the files that are ready in their places, once those of the call before are: the disk works
   * on these while more are written. Resolves when the next may be begun.
   */
  async advance(): Promise<void> {
    await this.#committing
    const ready = this.#ready
    this.#ready = []
    this.#bytes = 0
    if (ready.length === 0) return
    this.#unplaced = ready
    this.#placed = 0
    this.#committing = this.#commit(ready)
    // Its failure is reported by the next call.
    this.#committing.catch(() => undefined)
  }

  /** Resolves when all files that were ready are in their places. */
  async commit(): Promise<void> {
    await this.advance()
    await this.#committing
  }

  async #commit(ready: readonly Ready[]): Promise<void> {
    this.#isCommitting = true
    try {
      await this.#sync(ready)
      for (const file of ready) {
        if (this.#aborted) return
        this.#putInPlace(file)
        this.#placed++
      }
    } catch (error) {
      this.#removeUnplaced()
      throw error
    } finally {
      this.#isCommitting = false
    }
  }

  async #sync(ready: readonly Ready[]): Promise<void> {
    const one = (): void =>
      ready.forEach(({ directory, file }) => file.sync(this.#directories.get(directory)))
    if (ready.length < fewFiles) one()
    else await syncDevicesLater(this.#directories, new Set(ready.map(({ directory }) => directory)), one)
  }

  #putInPlace({ directory, name, size, file, before, problems, onResult }: Ready): void {
    try {
      const handle = this.#directories.get(directory)
      if (file.place(handle, name, before)) {
        onResult({ status: 'written', problems, placed: this.#placedAt(handle, name, size) })
        return
      }
      this.#discard(directory, file)
      onResult({ status: 'failed', problems: [['conflict', changedMeanwhile]] })
    } catch (error) {
      const trouble = describeFailure(error, joinPath(directory, name))
      this.#discard(directory, file)
      onResult({ status: 'failed', problems: [trouble] })
    }
  }

  /** After the last change to it: a rename changes its ctime as well. */
  #placedAt(handle: DirectoryHandle, name: Name, size: number): FileStat | undefined {
    if (this.#options.placed !== true) return undefined
    try {
      const stat = handle.stat(name)
      return stat?.kind === 'file' && stat.size === size ? stat : undefined
    } catch {
      // It is in its place all the same, and will be read.
      return undefined
    }
  }

  /** Removes everything that is ready and not in its place yet. */
  abort(): void {
    this.#aborted = true
    for (const { directory, file } of this.#ready) this.#discard(directory, file)
    this.#ready = []
    this.#removeUnplaced()
  }

  #removeUnplaced(): void {
    for (const { directory, file } of this.#unplaced.slice(this.#placed)) this.#discard(directory, file)
    this.#unplaced = []
  }

  #discard(directory: Name, file: UnfinishedFile): void {
    try {
      file.discard(this.#directories.get(directory))
    } catch {
      // What cannot be removed now is removed by the next run that comes by.
    }
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
