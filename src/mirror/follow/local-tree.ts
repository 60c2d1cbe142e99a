import { constants, linkSync, mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { displayName, type Name } from '../../bytes/name.ts'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { syncDevicesLater } from '../../folder/apply/durable.ts'
import { OpenDirectories } from '../../folder/apply/open-directories.ts'
import { removeAbandoned, temporaryNames } from '../../folder/apply/temporary-name.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import type { FileStat } from '../../folder/system/file-stat.ts'
import { setMode } from '../../folder/system/mode.ts'
import { childPath, readTarget, systemPath } from '../../folder/system/paths.ts'
import { refusal } from '../../folder/system/refusal.ts'
import { setTimes } from '../../folder/system/times.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import { hashOf, isOneFile, removeQuietly } from './entry-calls.ts'
import { makeWay, removeDirectory, removeEntry } from './removal.ts'

/** Fewer files or directories than this are made durable one by one. */
export const fewFiles = 8

/**
 * The tree of a mirror. Everything is reached step by step through open directories, so no symbolic link, whoever
 * made it, leads out. `mayRemove` says whether something that stands in the way of a path may be removed: it is
 * listed as deleted.
 */
export class LocalTree {
  readonly directories: OpenDirectories
  readonly #mayRemove: (path: Name) => boolean
  readonly #temporary = temporaryNames()
  /** Directories in which something has been put in its place. */
  readonly #changed = new Set<Name>()

  constructor(root: DirectoryHandle, mayRemove: (path: Name) => boolean) {
    this.directories = new OpenDirectories(root)
    this.#mayRemove = mayRemove
  }

  close(): void {
    this.directories.close()
  }

  /** What is at `path`; undefined when nothing is, or something else stands on the way. */
  stat(path: Name): FileStat | undefined {
    try {
      return this.directories.get(directoryOf(path)).stat(nameOf(path))
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict')) return undefined
      throw error
    }
  }

  target(path: Name): Name {
    return readTarget(this.directories.get(directoryOf(path)).path(nameOf(path)))
  }

  names(path: Name): Name[] {
    return this.directories.get(path).names()
  }

  /** SHA-256 of a file here; undefined when there is no such file. */
  hash(path: Name): Uint8Array | undefined {
    let fd: number
    try {
      fd = this.directories.get(directoryOf(path)).open(nameOf(path), constants.O_RDONLY)
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict', 'denied')) return undefined
      throw error
    }
    return hashOf(fd)
  }

  /** Mode and time of something here that is right otherwise. */
  touch(path: Name, mode: number | undefined, mtimeNs: bigint | undefined): void {
    const directory = this.directories.get(directoryOf(path))
    if (mode !== undefined) setMode(directory, nameOf(path), mode & 0o777)
    if (mtimeNs !== undefined) setTimes(directory.path(nameOf(path)), mtimeNs)
  }

  /** Removes what writers that were killed have left in a directory. */
  clear(path: Name): void {
    try {
      removeAbandoned(this.directories.get(path))
    } catch (error) {
      if (!isTidemarkError(error, 'missing', 'conflict', 'denied')) throw error
    }
  }

  /**
   * Makes durable what was put in its place since the last call. True when that made everything durable that was written
   * before on the file system of the tree.
   */
  async settle(): Promise<boolean> {
    // A directory may have gone since.
    const changed = [...this.#changed].filter((path) => this.has(path))
    this.#changed.clear()
    let isAll = changed.length >= fewFiles
    const one = (): void => {
      isAll = false
      for (const path of changed) this.directories.get(path).sync()
    }
    if (isAll) await syncDevicesLater(this.directories, ['', ...changed], one)
    else one()
    return isAll
  }

  /** Something has been put in its place in the directory `path`, by another thread. */
  noteChange(path: Name): void {
    this.#changed.add(path)
  }

  /** Somebody else sees to it that what was put in its place becomes durable. */
  leaveChanges(): void {
    this.#changed.clear()
  }

  /** Whether there is a directory at `path`. */
  has(path: Name): boolean {
    try {
      this.directories.get(path)
      return true
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict')) return false
      throw error
    }
  }

  /** Makes `path` a further name of the file that has the same path in another tree, in one step. */
  linkFrom(other: LocalTree, path: Name): void {
    const directory = this.makeDirectory(directoryOf(path))
    this.makeWay(path)
    const from = other.directories.get(directoryOf(path))
    if (isOneFile(directory.stat(nameOf(path)), from.stat(nameOf(path)))) return
    const beside = this.#temporary()
    try {
      linkSync(from.path(nameOf(path)), directory.path(beside))
      renameSync(directory.path(beside), directory.path(nameOf(path)))
    } catch (error) {
      removeQuietly(directory, beside)
      throw refusal(error, 'link', childPath(directory.location, nameOf(path)))
    }
  }

  /** Makes a symbolic link in one step. */
  placeLink(path: Name, target: Name): void {
    const directory = this.makeDirectory(directoryOf(path))
    this.makeWay(path)
    const beside = this.#temporary()
    try {
      symlinkSync(systemPath(target), directory.path(beside))
      renameSync(directory.path(beside), directory.path(nameOf(path)))
    } catch (error) {
      removeQuietly(directory, beside)
      throw refusal(error, 'make link', childPath(directory.location, nameOf(path)))
    }
  }

  /** Makes the directory `path` and those above it. Throws `conflict` when something stands in the way. */
  makeDirectory(path: Name): DirectoryHandle {
    this.#changed.add(path)
    try {
      return this.directories.get(path)
    } catch (error) {
      if (!isTidemarkError(error, 'missing', 'conflict')) throw error
    }
    const above = this.makeDirectory(directoryOf(path))
    const there = above.stat(nameOf(path))
    if (there !== undefined && there.kind !== 'directory') {
      if (!this.#mayRemove(path)) {
        const what = there.kind === 'symlink' ? 'a symbolic link' : `a ${there.kind}`
        throw new TidemarkError(
          'conflict',
          `${displayName(path)}: ${what} stands where a directory is needed`,
        )
      }
      unlinkSync(above.path(nameOf(path)))
    }
    if (there?.kind !== 'directory') {
      try {
        mkdirSync(above.path(nameOf(path)), 0o755)
      } catch (error) {
        throw refusal(error, 'make directory', childPath(above.location, nameOf(path)))
      }
    }
    return this.directories.get(path)
  }

  /** Makes way for a file or link: a directory goes, when all that is in it is to be deleted. True when there was one. */
  makeWay(path: Name): boolean {
    return makeWay(this.directories, path, this.#mayRemove)
  }

  /** Removes what is at `path`; a directory only when it is empty. False when nothing was removed. */
  remove(path: Name): boolean {
    return removeEntry(this.directories, path)
  }

  /** False when it is not empty, or not there. */
  removeDirectory(path: Name): boolean {
    return removeDirectory(this.directories, path)
  }
}
