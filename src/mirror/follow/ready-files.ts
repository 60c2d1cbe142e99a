import { closeSync, constants, copyFileSync, fsyncSync, linkSync, renameSync, unlinkSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { isTidemarkError, systemCode } from '../../errors.ts'
import { syncDevicesLater } from '../../folder/apply/durable.ts'
import { temporaryNames } from '../../folder/apply/temporary-name.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { childPath, systemPath } from '../../folder/system/paths.ts'
import { refusal } from '../../folder/system/refusal.ts'
import { writeFully } from '../../store/durable.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import { hashOf, isOneFile, removeQuietly, seal } from './entry-calls.ts'
import { LateFrees } from './late-frees.ts'
import { fewFiles, type LocalTree } from './local-tree.ts'

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

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, COPYFILE_FICLONE, COPYFILE_EXCL } = constants

/** Files on their way into the places of a tree: each stands ready, becomes durable, and is put there in one step. */
export class ReadyFiles {
  readonly #tree: LocalTree
  readonly #incoming: DirectoryHandle
  readonly #temporary = temporaryNames()
  readonly #frees = new LateFrees()

  constructor(tree: LocalTree, incoming: DirectoryHandle) {
    this.#tree = tree
    this.#incoming = incoming
  }

  /** SHA-256 of a file among those that came. */
  hashIncoming(staged: readonly Name[]): Uint8Array {
    return this.#inIncoming(staged, (directory, name) => hashOf(directory.open(name, O_RDONLY)))
  }

  /** Gives a file here another name among those that came: a link when the old name is about to go, else a copy. */
  takeAlong(path: Name, staged: Name, asLink: boolean): void {
    const from = this.#tree.directories.get(directoryOf(path))
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
    const directory = this.#tree.makeDirectory(directoryOf(path))
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
    if (typeof ready.staged === 'string' && this.#tree.has(directoryOf(ready.path)))
      this.#atStaged(ready, removeQuietly)
  }

  /**
   * Makes files that came durable, all at once where that is possible. One whose directory has gone meanwhile is left to
   * `place` to fail for.
   */
  async sync(files: readonly Ready[]): Promise<void> {
    const placeOf = ({ path, staged }: Ready): Name => (typeof staged === 'string' ? directoryOf(path) : '')
    const places = new Set([...new Set(files.map(placeOf))].filter((path) => this.#tree.has(path)))
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
    else await syncDevicesLater(this.#tree.directories, places, one)
  }

  /** Puts a file that came in its place, in one step. */
  place(ready: Ready): void {
    const { path, linked = false } = ready
    const directory = this.#tree.makeDirectory(directoryOf(path))
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
        else if (code === 'EISDIR' && this.#tree.makeWay(path)) replace()
        else throw refusal(error, 'place', childPath(directory.location, name))
      }
    })
  }

  /** Onto another file system, that is mounted in the tree: a copy beside it, then the rename. */
  #moveAcross(from: DirectoryHandle, file: Name, to: DirectoryHandle, path: Name): void {
    this.#tree.makeWay(path)
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

  #atStaged<T>({ path, staged }: Ready, act: (directory: DirectoryHandle, name: Name) => T): T {
    if (typeof staged !== 'string') return this.#inIncoming(staged, act)
    return act(this.#tree.directories.get(directoryOf(path)), staged)
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
