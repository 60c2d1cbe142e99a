import { closeSync, constants, fstatSync, fsyncSync, unlinkSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import type { FileEntry } from '../../object/entry.ts'
import type { Store } from '../../store/store.ts'
import { equalXattrs } from '../../tree/equal-entries.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { FileStat } from '../system/file-stat.ts'
import { readXattrs } from '../system/xattrs.ts'
import { finishContent, holdsContent, writeContent, type WriteOptions } from './content.ts'
import { syncDevicesLater } from './durable.ts'
import { changedMeanwhile, isAsSeen, isSameState, type FileJob, type OnResult } from './file-job.ts'
import { carrierAt, carrierOf, giveMetadata, type Owned } from './metadata.ts'
import type { Inherited, OpenDirectories } from './open-directories.ts'
import { joinPath } from '../../tree/path.ts'
import { describeFailure, type ProblemCode } from './problem.ts'
import { temporaryNames } from './temporary-name.ts'

/** A file that stands ready under its temporary name. */
interface Ready {
  readonly directory: Name
  readonly name: Name
  readonly size: number
  readonly temporary: Name
  readonly before: FileStat | undefined
  readonly problems: readonly Trouble[]
  readonly onResult: OnResult
}

type Trouble = readonly [ProblemCode, string]

const ownerOnly = 0o600
const { O_WRONLY, O_CREAT, O_EXCL, O_RDONLY } = constants

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
}

/** A file that has been begun under its temporary name. */
export interface Begun {
  readonly fd: number
  readonly temporary: Name
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
  readonly #nextName = temporaryNames()
  /** Files that are being written, and their directories. */
  readonly #begun = new Map<Begun, Name>()
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
      fd = this.#directories.get(directory).open(entry.name, O_RDONLY)
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
      await writeContent(begun.fd, this.#store, job.entry, this.#options)
    } catch (error) {
      this.giveUp(job, begun)
      throw error
    }
    this.complete(job, begun, onResult)
  }

  /**
   * Makes an empty temporary file for a job whose content is written by somebody else, who then calls
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
    const temporary = this.#nextName()
    const handle = this.#directories.get(directory)
    const mode = modeAtFirst(entry, this.#directories.inherited(directory))
    const fd = handle.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode)
    const begun = { fd, temporary, before, mode }
    this.#begun.set(begun, directory)
    return begun
  }

  /** The content is written: sees to the rest, up to `commit`. */
  complete({ directory, entry }: FileJob, begun: Begun, onResult: OnResult): void {
    const { fd, temporary, before, mode } = begun
    let lost: string[]
    try {
      finishContent(fd, entry)
      lost = giveMetadata(carrierOf(fd), entry, this.#owned(directory, fd, mode))
    } catch (error) {
      this.#remove(directory, temporary)
      throw error
    } finally {
      this.#begun.delete(begun)
      closeSync(fd)
    }
    const problems = lost.map(lostMetadata)
    const { name, size } = entry
    this.#ready.push({ directory, name, size, temporary, before, problems, onResult })
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
    this.#begun.delete(begun)
    closeSync(begun.fd)
    this.#remove(directory, begun.temporary)
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
        this.#rename(file)
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
    const one = (): void => ready.forEach((file) => this.#withFile(file, fsyncSync))
    if (ready.length < fewFiles) one()
    else await syncDevicesLater(this.#directories, new Set(ready.map(({ directory }) => directory)), one)
  }

  #withFile({ directory, temporary }: Ready, act: (fd: number) => void): void {
    const fd = this.#directories.get(directory).open(temporary, O_WRONLY)
    try {
      act(fd)
    } finally {
      closeSync(fd)
    }
  }

  #rename({ directory, name, size, temporary, before, problems, onResult }: Ready): void {
    try {
      const handle = this.#directories.get(directory)
      if (putInPlace(handle, temporary, name, before)) {
        onResult({ status: 'written', problems, placed: this.#placedAt(handle, name, size) })
        return
      }
      this.#remove(directory, temporary)
      onResult({ status: 'failed', problems: [['conflict', changedMeanwhile]] })
    } catch (error) {
      const trouble = describeFailure(error, joinPath(directory, name))
      this.#remove(directory, temporary)
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

  /** Removes everything that is not in its place yet. */
  abort(): void {
    this.#aborted = true
    for (const [{ temporary }, directory] of this.#begun) this.#remove(directory, temporary)
    for (const { directory, temporary } of this.#ready) this.#remove(directory, temporary)
    this.#ready = []
    this.#removeUnplaced()
  }

  #removeUnplaced(): void {
    for (const { directory, temporary } of this.#unplaced.slice(this.#placed))
      this.#remove(directory, temporary)
    this.#unplaced = []
  }

  #remove(directory: Name, temporary: Name): void {
    try {
      unlinkSync(this.#directories.get(directory).path(temporary))
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

/** False when something else stands there than what was `before`. */
function putInPlace(
  handle: DirectoryHandle,
  temporary: Name,
  name: Name,
  before: FileStat | undefined,
): boolean {
  try {
    if (before === undefined && handle.move(temporary, handle, name)) return true
  } catch (error) {
    if (isTidemarkError(error, 'exists')) return false
    throw error
  }
  if (!isSameState(handle.stat(name), before)) return false
  handle.rename(temporary, name)
  return true
}

function hasMetadata(now: FileStat, { mtimeNs, mode, uid, gid }: FileEntry): boolean {
  return now.mtimeNs === mtimeNs && now.mode === mode && now.uid === uid && now.gid === gid
}

function lostMetadata(message: string): Trouble {
  return ['lost-metadata', message]
}
