import { closeSync, constants, fstatSync, fsyncSync, renameSync, unlinkSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import type { Store } from '../../store/store.ts'
import type { FileStat } from '../system/file-stat.ts'
import { readXattrs } from '../system/xattrs.ts'
import { finishContent, holdsContent, writeContent, type WriteOptions } from './content.ts'
import { syncDevices } from './durable.ts'
import { changedMeanwhile, isAsSeen, isSameState, type FileJob, type OnResult } from './file-job.ts'
import { carrierAt, carrierOf, giveMetadata } from './metadata.ts'
import type { Inherited, OpenDirectories } from './open-directories.ts'
import { describeFailure, type ProblemCode } from './problem.ts'
import { temporaryNames } from './temporary-name.ts'

/** A file that stands ready under its temporary name. */
interface Ready {
  readonly directory: Name
  readonly name: Name
  readonly temporary: Name
  readonly before: FileStat | undefined
  readonly problems: readonly Trouble[]
  readonly onResult: OnResult
}

type Trouble = readonly [ProblemCode, string]

const { O_WRONLY, O_CREAT, O_EXCL, O_RDONLY } = constants

/** Files ought to be put in their places when so many wait, or so many bytes. */
const commitFiles = 2048
const commitBytes = 64 * 1024 * 1024

export type PlacerOptions = Pick<WriteOptions, 'signal' | 'ahead'>

/** A file that has been begun under its temporary name. */
export interface Begun {
  readonly fd: number
  readonly temporary: Name
  readonly before: FileStat | undefined
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

  constructor(directories: OpenDirectories, store: Store, options: PlacerOptions = {}) {
    this.#directories = directories
    this.#store = store
    this.#options = options
  }

  /** Enough files wait for `commit`. */
  get full(): boolean {
    return this.#ready.length >= commitFiles || this.#bytes >= commitBytes
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
      onResult({ status: 'failed', problems: [describeFailure(error)] })
    }
  }

  /** Gives a file that holds the right bytes its metadata. A file with other names is left to be replaced. */
  async #keep({ directory, entry }: FileJob, before: FileStat, onResult: OnResult): Promise<boolean> {
    if (before.nlink > 1) return false
    let fd
    try {
      fd = this.#directories.get(directory).open(entry.name, O_RDONLY)
    } catch {
      return false
    }
    try {
      if (!(await holdsContent(fd, this.#store, entry, this.#options))) return false
    } finally {
      closeSync(fd)
    }
    const handle = this.#directories.get(directory)
    if (!isSameState(handle.stat(entry.name), before)) {
      onResult({ status: 'failed', problems: [['conflict', changedMeanwhile]] })
      return true
    }
    const lost = giveMetadata(carrierAt(handle, entry.name), entry, before)
    onResult({ status: 'kept', problems: lost.map(lostMetadata) })
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
      onResult({ status: 'failed', problems: [describeFailure(error)] })
    }
    return undefined
  }

  #begin({ directory }: FileJob, before: FileStat | undefined): Begun {
    const temporary = this.#nextName()
    const fd = this.#directories.get(directory).open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    const begun = { fd, temporary, before }
    this.#begun.set(begun, directory)
    return begun
  }

  /** The content is written: sees to the rest, up to `commit`. */
  complete({ directory, entry }: FileJob, begun: Begun, onResult: OnResult): void {
    const { fd, temporary, before } = begun
    let lost: string[]
    try {
      finishContent(fd, entry)
      lost = giveMetadata(carrierOf(fd), entry, this.#inherited(directory, fd))
    } catch (error) {
      this.#remove(directory, temporary)
      throw error
    } finally {
      this.#begun.delete(begun)
      closeSync(fd)
    }
    const problems = lost.map(lostMetadata)
    this.#ready.push({ directory, name: entry.name, temporary, before, problems, onResult })
    this.#bytes += entry.size
  }

  /** What the new file `fd` in `directory` has already. */
  #inherited(directory: Name, fd: number): Inherited {
    const known = this.#directories.inherited(directory)
    if (known !== undefined) return known
    const { uid, gid } = fstatSync(fd)
    const inherited = { uid, gid, xattrs: readXattrs(fd).length > 0 }
    this.#directories.noteInherited(directory, inherited)
    return inherited
  }

  giveUp({ directory }: FileJob, begun: Begun): void {
    this.#begun.delete(begun)
    closeSync(begun.fd)
    this.#remove(directory, begun.temporary)
  }

  /** Puts all files that are ready in their places. */
  commit(): void {
    const ready = this.#ready
    this.#ready = []
    this.#bytes = 0
    if (ready.length === 0) return
    let at = 0
    try {
      this.#sync(ready)
      for (; at < ready.length; at++) this.#rename(ready[at]!)
    } catch (error) {
      for (const { directory, temporary } of ready.slice(at)) this.#remove(directory, temporary)
      throw error
    }
  }

  #sync(ready: readonly Ready[]): void {
    if (ready.length < fewFiles) for (const file of ready) this.#withFile(file, fsyncSync)
    else {
      syncDevices(this.#directories, new Set(ready.map(({ directory }) => directory)), () =>
        ready.forEach((file) => this.#withFile(file, fsyncSync)),
      )
    }
  }

  #withFile({ directory, temporary }: Ready, act: (fd: number) => void): void {
    const fd = this.#directories.get(directory).open(temporary, O_WRONLY)
    try {
      act(fd)
    } finally {
      closeSync(fd)
    }
  }

  #rename({ directory, name, temporary, before, problems, onResult }: Ready): void {
    try {
      const handle = this.#directories.get(directory)
      if (isSameState(handle.stat(name), before)) {
        renameSync(handle.path(temporary), handle.path(name))
        onResult({ status: 'written', problems })
        return
      }
      this.#remove(directory, temporary)
      onResult({ status: 'failed', problems: [['conflict', changedMeanwhile]] })
    } catch (error) {
      const trouble = describeFailure(error)
      this.#remove(directory, temporary)
      onResult({ status: 'failed', problems: [trouble] })
    }
  }

  /** Removes everything that is not in its place yet. */
  abort(): void {
    for (const [{ temporary }, directory] of this.#begun) this.#remove(directory, temporary)
    for (const { directory, temporary } of this.#ready) this.#remove(directory, temporary)
    this.#ready = []
  }

  #remove(directory: Name, temporary: Name): void {
    try {
      unlinkSync(this.#directories.get(directory).path(temporary))
    } catch {
      // What cannot be removed now is removed by the next run that comes by.
    }
  }
}

function lostMetadata(message: string): Trouble {
  return ['lost-metadata', message]
}
