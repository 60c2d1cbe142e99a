import { fstatSync } from 'node:fs'
import { geteuid } from 'node:process'
import type { Name } from '../../bytes/name.ts'
import { systemCode } from '../../errors.ts'
import type { DirectoryEntry } from '../../object/entry.ts'
import type { FileStat } from '../system/file-stat.ts'
import { syncDevices } from './durable.ts'
import { carrierOf, giveMetadata } from './metadata.ts'
import type { OpenDirectories } from './open-directories.ts'
import { removeAbandoned } from './temporary-name.ts'
import { workDirectory, type WorkDirectory } from './work-directory.ts'

/** What the directories tell, as they are completed. */
export interface WorkEvents {
  /** A doomed directory is empty now. */
  readonly onEmptied: (directory: WorkDirectory) => void
  /** Metadata that could not be given. */
  readonly onLost: (path: Name, messages: readonly string[]) => void
  /** A directory has got its metadata; `isWhole`: all of them. */
  readonly onGiven: (path: Name, wanted: DirectoryEntry, stat: FileStat, isWhole: boolean) => void
  readonly onFailed: (path: Name, error: unknown) => void
}

/** Directories that are synced one by one; when more are changed, their file systems are. */
const fewDirectories = 8

/**
 * The directories along the path that is worked on, and those whose files are still being written. Each gets
 * its metadata once nothing in it changes any more, for whatever changes in it changes its time.
 */
export class WorkDirectories {
  readonly #directories: OpenDirectories
  readonly #events: WorkEvents
  readonly asRoot: boolean = geteuid?.() === 0
  readonly root: WorkDirectory = workDirectory('', undefined)
  readonly #open: WorkDirectory[] = [this.root]
  /** By device, a directory that was changed there. */
  readonly #changed = new Map<bigint, Name>()
  #changedCount = 0

  constructor(directories: OpenDirectories, events: WorkEvents) {
    this.#directories = directories
    this.#events = events
  }

  /** Leaves the directories that `path` is not in; returns the one it is in. */
  leaveTo(path: Name): WorkDirectory {
    for (;;) {
      const last = this.#open.at(-1)!
      if (last.path === '' || path.startsWith(`${last.path}/`)) return last
      this.#open.pop()
      this.settle(last)
    }
  }

  /** Leaves all but the root. */
  leaveAll(): void {
    while (this.#open.length > 1) this.settle(this.#open.pop()!)
  }

  enter(directory: WorkDirectory): void {
    directory.above!.pending++
    this.#open.push(directory)
  }

  /** Call before something is made, renamed or removed in a directory. */
  prepare(directory: WorkDirectory): void {
    directory.due = true
    if (directory.prepared) return
    directory.prepared = true
    const handle = this.#directories.get(directory.path)
    removeAbandoned(handle)
    const { mode } = fstatSync(handle.fd)
    if (this.asRoot || (mode & 0o700) === 0o700) return
    // Where the directory is somebody else's this is refused, and so may be what is done in it.
    const carrier = carrierOf(handle.fd)
    try {
      carrier.chmod((mode & 0o7777) | 0o700)
      if (directory.wanted === undefined) directory.ownMode = mode & 0o7777
    } catch (error) {
      if (systemCode(error) !== 'EPERM') throw error
    }
  }

  /** One thing less is to be done in `directory`; after the last it is completed, and so on upwards. */
  settle(directory: WorkDirectory): void {
    for (let at: WorkDirectory | undefined = directory; at && --at.pending === 0; at = at.above) {
      try {
        if (at.doomed) this.#events.onEmptied(at)
        else if (at.due) this.#complete(at)
      } catch (error) {
        this.#events.onFailed(at.path, error)
      }
    }
  }

  #complete({ path, wanted, ownMode, prepared }: WorkDirectory): void {
    const handle = this.#directories.get(path)
    // An interrupted run that changed nothing yet has changed the directory's time, which brings us here.
    if (!prepared) removeAbandoned(handle)
    const now = fstatSync(handle.fd)
    if (wanted) {
      const lost = giveMetadata(carrierOf(handle.fd), wanted, this.asRoot ? undefined : now)
      this.#events.onGiven(path, wanted, handle.self(), lost.length === 0)
      this.#events.onLost(path, lost)
    } else if (ownMode !== undefined) carrierOf(handle.fd).chmod(ownMode)
    if (++this.#changedCount <= fewDirectories) handle.sync()
    this.#changed.set(this.#directories.device(path), path)
  }

  /** Completes the root, the last one, and makes what changed in directories durable. */
  finish(): void {
    this.settle(this.#open.pop()!)
    if (this.#changedCount > fewDirectories)
      syncDevices(this.#directories, this.#changed.values(), () => undefined)
  }
}
