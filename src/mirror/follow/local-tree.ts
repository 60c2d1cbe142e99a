import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { displayName, type Name } from '../../bytes/name.ts'
import { isTidemarkError, systemCode, TidemarkError } from '../../errors.ts'
import { syncDevicesLater } from '../../folder/apply/durable.ts'
import { carrierOf } from '../../folder/apply/metadata.ts'
import { OpenDirectories } from '../../folder/apply/open-directories.ts'
import { temporaryNames } from '../../folder/apply/temporary-name.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import type { FileStat } from '../../folder/system/file-stat.ts'
import { childPath, readTarget, systemPath } from '../../folder/system/paths.ts'
import { refusal } from '../../folder/system/refusal.ts'
import { setMode } from '../../folder/system/mode.ts'
import { setTimes } from '../../folder/system/times.ts'

/** A file that has come whole and stands ready in the directory of incoming files. */
export interface Ready {
  readonly path: Name
  readonly staged: readonly Name[]
  readonly mode: number | undefined
  readonly mtimeNs: bigint | undefined
}

/** Fewer files than this are made durable one by one. */
const fewFiles = 8

const { O_RDONLY, O_WRONLY, COPYFILE_FICLONE, COPYFILE_EXCL } = constants

/**
 * The tree of a mirror. Everything is reached step by step through open directories, so no symbolic link, whoever
 * made it, leads out. `mayRemove` says whether something that stands in the way of a path may be removed: it is
 * listed as deleted.
 */
export class LocalTree {
  readonly #directories: OpenDirectories
  readonly #incoming: DirectoryHandle
  readonly #mayRemove: (path: Name) => boolean
  readonly #temporary = temporaryNames()
  /** Directories in which something has been put in its place. */
  readonly #changed = new Set<Name>()

  constructor(root: DirectoryHandle, incoming: DirectoryHandle, mayRemove: (path: Name) => boolean) {
    this.#directories = new OpenDirectories(root)
    this.#incoming = incoming
    this.#mayRemove = mayRemove
  }

  close(): void {
    this.#directories.close()
  }

  /** What is at `path`; undefined when nothing is, or something else stands on the way. */
  stat(path: Name): FileStat | undefined {
    try {
      return this.#directories.get(directoryOf(path)).stat(nameOf(path))
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict')) return undefined
      throw error
    }
  }

  target(path: Name): Name {
    return readTarget(this.#directories.get(directoryOf(path)).path(nameOf(path)))
  }

  names(path: Name): Name[] {
    return this.#directories.get(path).names()
  }

  /** SHA-256 of a file here; undefined when there is no such file. */
  hash(path: Name): Uint8Array | undefined {
    let fd: number
    try {
      fd = this.#directories.get(directoryOf(path)).open(nameOf(path), O_RDONLY)
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict', 'denied')) return undefined
      throw error
    }
    return hashOf(fd)
  }

  /** SHA-256 of a file among those that came. */
  hashIncoming(staged: readonly Name[]): Uint8Array {
    return this.#inStaged(staged, (directory, name) => hashOf(directory.open(name, O_RDONLY)))
  }

  /** Gives a file here another name among those that came: a link when the old name is about to go, else a copy. */
  takeAlong(path: Name, staged: Name, asLink: boolean): void {
    const from = this.#directories.get(directoryOf(path))
    const to = this.#incoming.path(staged)
    try {
      if (asLink) return linkSync(from.path(nameOf(path)), to)
    } catch (error) {
      // Other file systems, file systems without links, files of others.
      if (!['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP'].includes(systemCode(error) ?? ''))
        throw error
    }
    const fd = from.open(nameOf(path), O_RDONLY)
    try {
      const source = from.raceFree ? `/proc/self/fd/${fd}` : from.path(nameOf(path))
      copyFileSync(source, systemPath(to), COPYFILE_FICLONE | COPYFILE_EXCL)
    } finally {
      closeSync(fd)
    }
  }

  /** Mode and time of something here that is right otherwise. */
  touch(path: Name, mode: number | undefined, mtimeNs: bigint | undefined): void {
    const directory = this.#directories.get(directoryOf(path))
    if (mode !== undefined) setMode(directory, nameOf(path), mode & 0o777)
    if (mtimeNs !== undefined) setTimes(directory.path(nameOf(path)), mtimeNs)
  }

  /** Mode and time of a file that came; to be called before it is made durable. */
  finish({ staged, mode, mtimeNs }: Ready): void {
    this.#inStaged(staged, (directory, name) => {
      const fd = directory.open(name, O_RDONLY)
      try {
        const carrier = carrierOf(fd)
        carrier.chmod((mode ?? 0o644) & 0o777)
        if (mtimeNs !== undefined) carrier.setTime(mtimeNs)
      } finally {
        closeSync(fd)
      }
    })
  }

  /** Makes durable what was put in its place since the last call. */
  async settle(): Promise<void> {
    const changed = [...this.#changed]
    this.#changed.clear()
    const one = (): void => {
      for (const path of changed) {
        try {
          this.#directories.get(path).sync()
        } catch (error) {
          // It has gone since.
          if (!isTidemarkError(error, 'missing', 'conflict')) throw error
        }
      }
    }
    if (changed.length < fewFiles) one()
    else await syncDevicesLater(this.#directories, [''], one)
  }

  /** Makes files that came durable, all at once where that is possible. */
  async sync(files: readonly Ready[]): Promise<void> {
    const one = (): void => {
      for (const { staged } of files) {
        this.#inStaged(staged, (directory, name) => {
          const fd = directory.open(name, O_RDONLY)
          try {
            fsyncSync(fd)
          } finally {
            closeSync(fd)
          }
        })
      }
    }
    if (files.length < fewFiles) one()
    else await syncDevicesLater(this.#directories, [''], one)
  }

  /** Puts a file that came in its place, in one step. */
  place({ path, staged }: Ready): void {
    const directory = this.makeDirectory(directoryOf(path))
    const name = nameOf(path)
    this.#clear(directory, path)
    this.#inStaged(staged, (from, file) => {
      const before = directory.stat(name)
      const now = from.stat(file)
      // Two names of one file: a rename would do nothing and leave both.
      if (before !== undefined && now?.ino === before.ino && now.dev === before.dev) {
        unlinkSync(from.path(file))
        return
      }
      try {
        renameSync(from.path(file), directory.path(name))
      } catch (error) {
        if (systemCode(error) !== 'EXDEV') throw refusal(error, 'place', childPath(directory.location, name))
        this.#moveAcross(from, file, directory, name)
      }
    })
  }

  /** Onto another file system, that is mounted in the tree: a copy beside it, then the rename. */
  #moveAcross(from: DirectoryHandle, file: Name, to: DirectoryHandle, name: Name): void {
    const beside = this.#temporary()
    try {
      copyFileSync(systemPath(from.path(file)), systemPath(to.path(beside)), COPYFILE_EXCL)
      const stat = from.stat(file)!
      const fd = to.open(beside, O_WRONLY)
      try {
        const carrier = carrierOf(fd)
        carrier.chmod(stat.mode)
        carrier.setTime(stat.mtimeNs)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(to.path(beside), to.path(name))
      unlinkSync(from.path(file))
    } catch (error) {
      removeQuietly(to, beside)
      throw refusal(error, 'place', childPath(to.location, name))
    }
  }

  /** Makes `path` a further name of the file that has the same path in another tree, in one step. */
  linkFrom(other: LocalTree, path: Name): void {
    const directory = this.makeDirectory(directoryOf(path))
    this.#clear(directory, path)
    const from = other.#directories.get(directoryOf(path))
    const [now, wanted] = [directory.stat(nameOf(path)), from.stat(nameOf(path))]
    if (now !== undefined && now.ino === wanted?.ino && now.dev === wanted.dev) return
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
    this.#clear(directory, path)
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
      return this.#directories.get(path)
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
    return this.#directories.get(path)
  }

  /** Makes way for a file or link: a directory goes, when all that is in it is to be deleted. */
  #clear(directory: DirectoryHandle, path: Name): void {
    if (directory.stat(nameOf(path))?.kind !== 'directory') return
    this.#clearDirectory(path)
    this.#directories.forget(path)
    try {
      rmdirSync(directory.path(nameOf(path)))
    } catch (error) {
      throw refusal(error, 'remove directory', childPath(directory.location, nameOf(path)))
    }
  }

  #clearDirectory(path: Name): void {
    const names = this.names(path)
    for (const name of names) {
      const below = `${path}/${name}`
      const isDirectory = this.stat(below)?.kind === 'directory'
      if (!isDirectory && !this.#mayRemove(below)) {
        const what = `a directory stands in its place, with ${displayName(below)} in it`
        throw new TidemarkError('conflict', `${displayName(path)}: ${what}`)
      }
      if (isDirectory) {
        this.#clearDirectory(below)
        this.#directories.forget(below)
        rmdirSync(this.#directories.get(path).path(name))
      } else unlinkSync(this.#directories.get(path).path(name))
    }
  }

  /** Removes what is at `path`; a directory only when it is empty. False when nothing was removed. */
  remove(path: Name): boolean {
    let directory: DirectoryHandle
    try {
      directory = this.#directories.get(directoryOf(path))
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict')) return false
      throw error
    }
    const stat = directory.stat(nameOf(path))
    if (stat === undefined) return false
    if (stat.kind === 'directory') return this.removeDirectory(path)
    try {
      unlinkSync(directory.path(nameOf(path)))
      return true
    } catch (error) {
      throw refusal(error, 'delete', childPath(directory.location, nameOf(path)))
    }
  }

  /** False when it is not empty, or not there. */
  removeDirectory(path: Name): boolean {
    this.#directories.forget(path)
    let directory: DirectoryHandle
    try {
      directory = this.#directories.get(directoryOf(path))
      rmdirSync(directory.path(nameOf(path)))
      return true
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict')) return false
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EBUSY'].includes(systemCode(error) ?? ''))
        return false
      throw refusal(error, 'remove directory', path)
    }
  }

  #inStaged<T>(staged: readonly Name[], act: (directory: DirectoryHandle, name: Name) => T): T {
    let directory = this.#incoming
    try {
      for (const name of staged.slice(0, -1)) {
        const child = directory.child(name)
        if (directory !== this.#incoming) directory.close()
        directory = child
      }
      return act(directory, staged.at(-1)!)
    } finally {
      if (directory !== this.#incoming) directory.close()
    }
  }
}

function removeQuietly(directory: DirectoryHandle, name: Name): void {
  try {
    unlinkSync(directory.path(name))
  } catch {
    // It was never made.
  }
}

/** SHA-256 of an open file, which is closed. */
function hashOf(fd: number): Uint8Array {
  try {
    const hash = createHash('sha256')
    const { size } = fstatSync(fd)
    const piece = Buffer.allocUnsafe(Math.min(1024 * 1024, Math.max(size, 1)))
    for (;;) {
      const length = readSync(fd, piece, 0, piece.length, null)
      if (length === 0) break
      hash.update(piece.subarray(0, length))
    }
    return hash.digest()
  } finally {
    closeSync(fd)
  }
}
