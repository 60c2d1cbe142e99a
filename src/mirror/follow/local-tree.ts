import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
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
import { removeAbandoned, temporaryNames } from '../../folder/apply/temporary-name.ts'
import { writeFully } from '../../store/durable.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import type { FileStat } from '../../folder/system/file-stat.ts'
import { childPath, readTarget, systemPath } from '../../folder/system/paths.ts'
import { refusal } from '../../folder/system/refusal.ts'
import { setMode } from '../../folder/system/mode.ts'
import { setTimes } from '../../folder/system/times.ts'
import { LateFrees } from './late-frees.ts'

/** A file that has come whole and stands ready to be put in its place. */
export interface Ready {
  readonly path: Name
  /** Where: a path in the directory of incoming files, or a name beside its place. */
  readonly staged: readonly Name[] | Name
  readonly mode: number | undefined
  readonly mtimeNs: bigint | undefined
  /** It may be a further name of the file whose place it takes. */
  readonly linked?: boolean | undefined
}

/** Fewer files than this are made durable one by one. */
const fewFiles = 8

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, COPYFILE_FICLONE, COPYFILE_EXCL } = constants

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
  readonly #frees = new LateFrees()
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
    return this.#inIncoming(staged, (directory, name) => hashOf(directory.open(name, O_RDONLY)))
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
  finish(ready: Ready): void {
    const { staged, mode, mtimeNs } = ready
    // What stands beside its place was made with them.
    if (typeof staged === 'string') return
    this.#atStaged(ready, (directory, name) => {
      const fd = directory.open(name, O_RDONLY)
      try {
        seal(fd, mode, mtimeNs)
      } finally {
        closeSync(fd)
      }
    })
  }

  /**
   * Writes a small file beside its place, where it is near the others of its directory on the disk too. Returns its
   * name there.
   */
  write(path: Name, content: Uint8Array, mode: number | undefined, mtimeNs: bigint | undefined): Name {
    const directory = this.makeDirectory(directoryOf(path))
    const beside = this.#temporary()
    const fd = directory.open(beside, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    try {
      writeFully(fd, content)
      seal(fd, mode, mtimeNs)
      return beside
    } catch (error) {
      removeQuietly(directory, beside)
      throw refusal(error, 'write', childPath(directory.location, nameOf(path)))
    } finally {
      closeSync(fd)
    }
  }

  /** Removes what stands ready and is not to be put in its place. */
  discard(ready: Ready): void {
    if (typeof ready.staged === 'string' && this.#isThere(directoryOf(ready.path)))
      this.#atStaged(ready, removeQuietly)
  }

  /** Removes what writers that were killed have left in a directory. */
  clear(path: Name): void {
    try {
      removeAbandoned(this.#directories.get(path))
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
    const changed = [...this.#changed].filter((path) => this.#isThere(path))
    this.#changed.clear()
    let isAll = changed.length >= fewFiles
    const one = (): void => {
      isAll = false
      for (const path of changed) this.#directories.get(path).sync()
    }
    if (isAll) await syncDevicesLater(this.#directories, ['', ...changed], one)
    else one()
    return isAll
  }

  #isThere(path: Name): boolean {
    try {
      this.#directories.get(path)
      return true
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'conflict')) return false
      throw error
    }
  }

  /**
   * Makes files that came durable, all at once where that is possible. One whose directory has gone meanwhile is left to
   * `place` to fail for.
   */
  async sync(files: readonly Ready[]): Promise<void> {
    const placeOf = ({ path, staged }: Ready): Name => (typeof staged === 'string' ? directoryOf(path) : '')
    const places = new Set([...new Set(files.map(placeOf))].filter((path) => this.#isThere(path)))
    const one = (): void => {
      for (const file of files) {
        if (!places.has(placeOf(file))) continue
        this.#atStaged(file, (directory, name) => {
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
    else await syncDevicesLater(this.#directories, places, one)
  }

  /** Puts a file that came in its place, in one step. */
  place(ready: Ready): void {
    const { path, linked = false } = ready
    const directory = this.makeDirectory(directoryOf(path))
    const name = nameOf(path)
    this.#atStaged(ready, (from, file) => {
      if (linked && isOneFile(directory.stat(name), from.stat(file))) {
        // A rename would do nothing and leave both.
        unlinkSync(from.path(file))
        return
      }
      const replace = (): void => from.rename(file, name, directory)
      try {
        this.#frees.around(directory, name, replace)
      } catch (error) {
        const code = systemCode(isTidemarkError(error) ? error.cause : error)
        if (code === 'EXDEV') this.#moveAcross(from, file, directory, path)
        else if (code === 'EISDIR' && this.#clear(directory, path)) replace()
        else throw refusal(error, 'place', childPath(directory.location, name))
      }
    })
  }

  /** Onto another file system, that is mounted in the tree: a copy beside it, then the rename. */
  #moveAcross(from: DirectoryHandle, file: Name, to: DirectoryHandle, path: Name): void {
    this.#clear(to, path)
    const name = nameOf(path)
    const beside = this.#temporary()
    try {
      copyFileSync(systemPath(from.path(file)), systemPath(to.path(beside)), COPYFILE_EXCL)
      const stat = from.stat(file)!
      const fd = to.open(beside, O_WRONLY)
      try {
        seal(fd, stat.mode, stat.mtimeNs)
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

  /** Makes way for a file or link: a directory goes, when all that is in it is to be deleted. True when there was one. */
  #clear(directory: DirectoryHandle, path: Name): boolean {
    if (directory.stat(nameOf(path))?.kind !== 'directory') return false
    this.#clearDirectory(path)
    this.#directories.forget(path)
    try {
      rmdirSync(directory.path(nameOf(path)))
      return true
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

  #atStaged<T>({ path, staged }: Ready, act: (directory: DirectoryHandle, name: Name) => T): T {
    if (typeof staged !== 'string') return this.#inIncoming(staged, act)
    return act(this.#directories.get(directoryOf(path)), staged)
  }

  #inIncoming<T>(staged: readonly Name[], act: (directory: DirectoryHandle, name: Name) => T): T {
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

/** Gives an open file its mode and time: nine permission bits, for what an origin says makes nobody another user. */
export function seal(fd: number, mode: number | undefined, mtimeNs: bigint | undefined): void {
  fchmodSync(fd, (mode ?? 0o644) & 0o777)
  if (mtimeNs !== undefined) carrierOf(fd).setTime(mtimeNs)
}

function isOneFile(a: FileStat | undefined, b: FileStat | undefined): boolean {
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev
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
