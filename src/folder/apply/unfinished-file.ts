import { closeSync, constants, fsyncSync, unlinkSync } from 'node:fs'
import type { Name } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { FileStat } from '../system/file-stat.ts'
import type { Descriptors } from './descriptors.ts'
import { isSameState } from './file-job.ts'
import { temporaryNames } from './temporary-name.ts'

/** A file that has not got its name yet. It is in the directory that all methods are given. */
export interface UnfinishedFile {
  /** Where it is written, until `close`. */
  readonly fd: number
  close(): void
  sync(directory: DirectoryHandle): void
  /** Gives it its name, once closed; false when something else stands there than what was `before`. */
  place(directory: DirectoryHandle, name: Name, before: FileStat | undefined): boolean
  /** Removes it, once closed. */
  discard(directory: DirectoryHandle): void
}

const { O_WRONLY, O_CREAT, O_EXCL } = constants

/** Makes unfinished files: without a name where that can be done, else beside the name that they are to have. */
export class UnfinishedFiles {
  readonly #nextName = temporaryNames()
  readonly #descriptors: Descriptors
  /** Whether files can be made without a name here, once that was tried. */
  #canBe: boolean | undefined

  /** Those without a name stay open until they have one. */
  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors
  }

  /** Makes one with `mode`, less what the process's umask takes. `replaces`: something stands at its name. */
  make(directory: DirectoryHandle, mode: number, replaces: boolean): UnfinishedFile {
    const nameless = replaces ? undefined : this.#makeNameless(directory, mode)
    if (nameless !== undefined) return nameless
    const name = this.#nextName()
    return new NamedFile(directory.open(name, O_WRONLY | O_CREAT | O_EXCL, mode), name)
  }

  #makeNameless(directory: DirectoryHandle, mode: number): UnfinishedFile | undefined {
    if (this.#canBe === false || !this.#descriptors.take()) return undefined
    let isKept = false
    try {
      const fd = directory.openNameless(mode)
      if (fd === undefined) this.#canBe = false
      else if (this.#canBe === undefined) return this.#tryNaming(directory, fd)
      else {
        isKept = true
        return new NamelessFile(fd, this.#descriptors)
      }
      return undefined
    } finally {
      if (!isKept) this.#descriptors.giveBack()
    }
  }

  /** Not everything that makes files without a name can give them one: the first gets one at once. */
  #tryNaming(directory: DirectoryHandle, fd: number): UnfinishedFile | undefined {
    const name = this.#nextName()
    try {
      directory.link(fd, name)
      this.#canBe = true
      return new NamedFile(fd, name)
    } catch {
      closeSync(fd)
      this.#canBe = false
      return undefined
    }
  }
}

/** It stands beside its place, and a rename takes it there. */
class NamedFile implements UnfinishedFile {
  readonly fd: number
  readonly #name: Name

  constructor(fd: number, name: Name) {
    this.fd = fd
    this.#name = name
  }

  close(): void {
    closeSync(this.fd)
  }

  sync(directory: DirectoryHandle): void {
    const fd = directory.open(this.#name, O_WRONLY)
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  place(directory: DirectoryHandle, name: Name, before: FileStat | undefined): boolean {
    if (before === undefined) {
      const isMoved = unlessThere(() => directory.move(this.#name, directory, name))
      if (isMoved === 'exists') return false
      if (isMoved) return true
    }
    if (!isSameState(directory.stat(name), before)) return false
    directory.rename(this.#name, name)
    return true
  }

  discard(directory: DirectoryHandle): void {
    unlinkSync(directory.path(this.#name))
  }
}

/**
 * It has no name at all until it is in its place: directories stay small, a kill leaves nothing, and both together take
 * four fifths of the system's time. It stays open for that.
 */
class NamelessFile implements UnfinishedFile {
  readonly fd: number
  readonly #descriptors: Descriptors
  #isOpen = true

  constructor(fd: number, descriptors: Descriptors) {
    this.fd = fd
    this.#descriptors = descriptors
  }

  close(): void {
    // It would be gone.
  }

  sync(): void {
    fsyncSync(this.fd)
  }

  place(directory: DirectoryHandle, name: Name): boolean {
    if (unlessThere(() => directory.link(this.fd, name)) === 'exists') return false
    this.discard()
    return true
  }

  discard(): void {
    // The number may be another file's by now.
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.fd)
    this.#descriptors.giveBack()
  }
}

/** What `act` returns, unless something stands in its way. */
function unlessThere<T>(act: () => T): T | 'exists' {
  try {
    return act()
  } catch (error) {
    if (isTidemarkError(error, 'exists')) return 'exists'
    throw error
  }
}
