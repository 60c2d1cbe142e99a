import { closeSync, constants, fstatSync, fsyncSync, openSync, renameSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import {
  hasNames,
  linkAt,
  moveAt,
  namesIn,
  O_CLOEXEC,
  openAt,
  openNamelessAt,
  renameAt,
  statAt,
} from './at.ts'
import { fileStat, readStat, type FileStat } from './file-stat.ts'
import { libc, libcIfLoaded, type Libc } from './libc.ts'
import { childPath, displayPath, readNames, systemPath, type SystemPath } from './paths.ts'
import { checkEntryName, refusal } from './refusal.ts'

/**
 * An open directory and the one way to what is in it. A path is looked up anew at each use, so whoever may
 * write to one of its directories can swap in a symbolic link between a check and a use, and lead the use
 * anywhere. A handle stays with the directory it was opened on, and each step down refuses symbolic links.
 *
 * Names that are no name of an entry (empty, `.`, `..`, with `/` or NUL) are refused with `usage`; what has
 * become a symbolic link, or no directory where one is needed, with `conflict`.
 */
export interface DirectoryHandle {
  readonly fd: number
  /** Where it was when it was opened, for messages. */
  readonly location: SystemPath
  /**
   * False where there is no /proc: then `path` and what builds on it go by path, having checked that the
   * path still leads to this directory, and a swap between that check and the use goes unseen.
   */
  readonly raceFree: boolean

  /** What it is itself. */
  self(): FileStat
  /** In no particular order, without `.` and `..`. */
  names(): Name[]
  /** What is at `name`, symbolic links not followed; undefined when nothing is. */
  stat(name: Name): FileStat | undefined
  /** Opens the directory `name`, refusing symbolic links. The handles are independent: close each. */
  child(name: Name): DirectoryHandle
  /**
   * A descriptor of `name`. Symbolic links are refused, and a fifo or device that stands there instead of a
   * file does not hang the call (both whatever `flags` say).
   */
  open(name: Name, flags: number, mode?: number): number
  /**
   * A descriptor of a new file that has no name, to be written; undefined where there is no such thing. It is gone
   * when it is closed, unless `link` has given it a name.
   */
  openNameless(mode: number): number | undefined
  /** Gives the file without a name that is open as `fd` a name where nothing stands yet; throws `exists`. */
  link(fd: number, name: Name): void
  /** Gives `name` another name here, or in the directory `to`, in the place of what stands there. */
  rename(name: Name, newName: Name, to?: DirectoryHandle): void
  /**
   * Gives `name` another name in `to`, another directory or this one, where nothing stands yet. False when that
   * cannot be done in one step here; throws `exists`, or `failed` between two file systems.
   */
  move(name: Name, to: DirectoryHandle, newName: Name): boolean
  /**
   * The entry `name` for calls of node:fs, valid while the handle is open. Only for calls that do not follow
   * a symbolic link in the last place: lstat, readlink, rename, link, unlink, rmdir, mkdir, symlink, lchown,
   * lutimes, opening with O_NOFOLLOW or O_CREAT | O_EXCL, and those of this directory's modules that say so.
   * Never chmod, chown, utimes, truncate, realpath, readdir, rm with `recursive`: open the entry instead.
   */
  path(name: Name): SystemPath
  /** Makes the entries durable: what was made, renamed or removed here stays so through a power cut. */
  sync(): void
  /** Later calls throw `usage`. */
  close(): void
}

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_RDONLY } = constants
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
const ENTRY = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY

/** `path` must not be a symbolic link itself; its parents may be. `by` is 'path' where /proc must not serve. */
export function openDirectory(path: SystemPath, by: 'descriptor' | 'path' = 'descriptor'): DirectoryHandle {
  const location = systemPath(path)
  try {
    return handleOf(openSync(location, DIRECTORY), location, by)
  } catch (error) {
    throw refusal(error, 'open directory', location)
  }
}

function handleOf(fd: number, location: SystemPath, by: 'descriptor' | 'path'): DirectoryHandle {
  const base = by === 'descriptor' && procServes(fd) ? `/proc/self/fd/${fd}` : undefined
  let isOpen = true

  function assertOpen(): void {
    if (!isOpen) throw new TidemarkError('usage', `${displayPath(location)}: the directory was closed`)
  }

  /** The path of this directory for the next call. */
  function here(): SystemPath {
    assertOpen()
    if (base !== undefined) return base
    if (!leadsTo(location, fd)) throw new TidemarkError('conflict', `${displayPath(location)} was replaced`)
    return location
  }

  function path(name: Name): SystemPath {
    checkEntryName(name)
    return childPath(here(), name)
  }

  /** Runs the quicker of two calls on an entry: `at` where the C library serves, else `node`. */
  function call<T>(name: Name, doing: string, at: (system: Libc) => T, node: (path: SystemPath) => T): T {
    checkEntryName(name)
    assertOpen()
    try {
      const system = library()
      return system === undefined ? node(path(name)) : at(system)
    } catch (error) {
      throw refusal(error, doing, childPath(location, name))
    }
  }

  function open(name: Name, flags: number, mode = 0o666): number {
    return call(
      name,
      'open',
      (system) => openAt(system, fd, name, flags | O_CLOEXEC, mode),
      (path) => openSync(path, flags, mode),
    )
  }

  return {
    fd,
    location,
    raceFree: base !== undefined,
    self() {
      assertOpen()
      return fileStat(fstatSync(fd, { bigint: true }))
    },
    names() {
      try {
        const path = here()
        const system = library()
        return hasNames(system) ? namesIn(system, fd) : readNames(path)
      } catch (error) {
        throw refusal(error, 'read directory', location)
      }
    },
    // Written out, without the closures of `call`: this runs for every name that a scan looks at.
    stat(name) {
      checkEntryName(name)
      assertOpen()
      try {
        const system = library()
        return system === undefined ? readStat(path(name)) : statAt(system, fd, name)
      } catch (error) {
        throw refusal(error, 'look at', childPath(location, name))
      }
    },
    child: (name) => handleOf(open(name, DIRECTORY), childPath(location, name), by),
    open: (name, flags, mode) => open(name, flags | ENTRY, mode),
    openNameless(mode) {
      assertOpen()
      const system = libc()
      try {
        return system && openNamelessAt(system, fd, mode)
      } catch (error) {
        throw refusal(error, 'make a file in', location)
      }
    },
    link(file, name) {
      const unsupported = (): never => {
        throw new TidemarkError(
          'unsupported',
          `name ${displayPath(childPath(location, name))}: not without koffi`,
        )
      }
      call(name, 'name', (system) => linkAt(system, file, fd, name), unsupported)
    },
    rename(name, newName, to) {
      checkEntryName(newName)
      call(
        name,
        'rename',
        (system) => renameAt(system, fd, name, to?.fd ?? fd, newName),
        (from) => renameSync(from, to?.path(newName) ?? path(newName)),
      )
    },
    move(name, to, newName) {
      checkEntryName(name)
      checkEntryName(newName)
      assertOpen()
      const system = libc()
      if (system === undefined) return false
      try {
        return moveAt(system, fd, name, to.fd, newName)
      } catch (error) {
        throw refusal(error, 'move', childPath(location, name))
      }
    },
    path,
    sync() {
      assertOpen()
      try {
        fsyncSync(fd)
      } catch (error) {
        throw refusal(error, 'sync directory', location)
      }
    },
    close() {
      if (isOpen) closeSync(fd)
      isOpen = false
    },
  }
}

let procIsThere: boolean | undefined

function procServes(fd: number): boolean {
  try {
    procIsThere ??= leadsTo(`/proc/self/fd/${fd}/.`, fd)
  } catch {
    procIsThere = false
  }
  return procIsThere
}

function leadsTo(path: SystemPath, fd: number): boolean {
  const [there, own] = [readStat(path), fileStat(fstatSync(fd, { bigint: true }))]
  return there?.ino === own.ino && there.dev === own.dev
}

/** Loading the C library takes as long as its quicker calls save in so many. */
const WORTH_LOADING = 4000
let calls = 0

function library(): Libc | undefined {
  return libcIfLoaded() ?? (calls++ < WORTH_LOADING ? undefined : libc())
}
