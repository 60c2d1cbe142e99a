import { createHash, randomBytes } from 'node:crypto'
import { closeSync, constants, copyFile, fchmodSync, fstatSync } from 'node:fs'
import { promisify } from 'node:util'
import { displayName, type Name } from '../../bytes/name.ts'
import { fromSystem, isTidemarkError, TidemarkError } from '../../errors.ts'
import { OpenDirectories } from '../../folder/apply/open-directories.ts'
import { directoryOf, nameOf } from '../../tree/path.ts'
import { openDirectory, type DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { fileStat, type FileStat } from '../../folder/system/file-stat.ts'
import { openBelow } from '../../folder/system/open-below.ts'
import { displayPath, readTarget, systemPath } from '../../folder/system/paths.ts'
import { throwIfCancelled } from '../../store/call.ts'
import { readFully, writeFully } from '../../store/durable.ts'
import { atATime } from './at-a-time.ts'
import type { Throttle } from './throttle.ts'
import {
  smallFile,
  type Fetched,
  type FetchOptions,
  type Reading,
  type ReadOptions,
  type Transport,
  type Wanted,
} from './transport.ts'

const copyLater = promisify(copyFile)
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, COPYFILE_FICLONE } = constants

/** Larger files are left to the system to copy, which may share their blocks instead. */
const largeFile = 1024 * 1024

/** An origin in a directory of this machine, or of one that is mounted here. No symbolic link is followed in it. */
export class DirectoryTransport implements Transport {
  readonly name: string
  readonly ranged = true
  readonly #path: string
  readonly #throttle: Throttle

  constructor(path: string, { throttle }: { readonly throttle: Throttle }) {
    this.#path = path
    this.#throttle = throttle
    this.name = displayPath(path)
  }

  /** Opened for each call: the directory may have been mounted, or replaced by a newer one, since the last. */
  #top(): OpenDirectories {
    try {
      return new OpenDirectories(openDirectory(`${this.#path}/.`))
    } catch (error) {
      throw new TidemarkError('unavailable', `${this.name}: the origin is not there`, { cause: error })
    }
  }

  read(path: Name, options: ReadOptions = {}): Promise<Reading | 'missing' | 'same' | 'changed'> {
    return Promise.resolve().then(() => this.#read(path, options))
  }

  #read(path: Name, options: ReadOptions): Reading | 'missing' | 'same' | 'changed' {
    const { known, guard, range, signal } = options
    throwIfCancelled(signal, `read ${this.name}`)
    const fd = this.#openFile(path)
    if (fd === undefined) return 'missing'
    const stat = fileStat(fstatSync(fd, { bigint: true }))
    const state = stateOf(stat)
    const answer = known === state ? 'same' : guard !== undefined && guard !== state ? 'changed' : undefined
    if (answer !== undefined || stat.kind !== 'file') {
      closeSync(fd)
      if (answer !== undefined) return answer
      throw new TidemarkError('denied', `${displayName(path)} is no file at ${this.name}`)
    }
    const start = Math.min(range?.start ?? 0, stat.size)
    const end = Math.min(range?.end ?? stat.size, stat.size)
    const body = this.#bodyOf(fd, start, end, signal)
    return { state, fresh: false, size: stat.size, start, mtimeNs: stat.mtimeNs, body }
  }

  #openFile(path: Name): number | undefined {
    const directories = this.#top()
    try {
      return openBelow(directories.root, path)
    } catch (error) {
      if (isTidemarkError(error, 'missing')) return undefined
      throw error
    } finally {
      shut(directories)
    }
  }

  async *#bodyOf(
    fd: number,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void> {
    try {
      for (let at = start; at < end;) {
        throwIfCancelled(signal, `read ${this.name}`)
        const piece = new Uint8Array(Math.min(256 * 1024, end - at))
        const read = readFully(fd, piece, at)
        if (read === 0) return
        await this.#throttle.take(read, signal)
        yield piece.subarray(0, read)
        at += read
      }
    } finally {
      closeSync(fd)
    }
  }

  async *fetch(
    items: readonly Wanted[],
    into: DirectoryHandle,
    options: FetchOptions = {},
  ): AsyncGenerator<Fetched, void> {
    const directories = this.#top()
    const { jobs = 4, signal } = options
    const one = async (wanted: Wanted): Promise<Fetched> => {
      throwIfCancelled(signal, `read ${this.name}`)
      try {
        return await this.#fetchOne(directories, wanted, into, options)
      } catch (error) {
        if (isTidemarkError(error, 'missing')) return { wanted, outcome: 'missing' }
        if (!isTidemarkError(error) || isTidemarkError(error, 'unavailable', 'cancelled', 'full')) throw error
        return { wanted, outcome: 'failed', error }
      }
    }
    try {
      yield* atATime(items, jobs, one)
    } finally {
      shut(directories)
    }
  }

  async #fetchOne(
    directories: OpenDirectories,
    wanted: Wanted,
    into: DirectoryHandle,
    { onBytes, signal }: FetchOptions,
  ): Promise<Fetched> {
    const { path, have } = wanted
    const directory = directories.get(directoryOf(path))
    const name = nameOf(path)
    const stat = directory.stat(name)
    if (stat === undefined) return { wanted, outcome: 'missing' }
    if (stat.kind === 'symlink') {
      return { wanted, outcome: 'symlink', target: readTarget(directory.path(name)) }
    }
    if (stat.kind === 'directory') return { wanted, outcome: 'directory' }
    if (stat.kind !== 'file')
      throw new TidemarkError('denied', `${displayName(path)} is no file, but a ${stat.kind}`)
    if (have?.size === stat.size && have.mtimeNs === stat.mtimeNs) return { wanted, outcome: 'same' }
    if (stat.size > (wanted.size ?? Infinity)) {
      throw new TidemarkError('corrupt', `${displayName(path)} is larger than the index tells`)
    }
    const fd = directory.open(name, O_RDONLY)
    try {
      const opened = fileStat(fstatSync(fd, { bigint: true }))
      if (opened.kind !== 'file') throw new TidemarkError('conflict', `${displayName(path)} was replaced`)
      await this.#throttle.take(opened.size, signal)
      const { size, mtimeNs } = opened
      const mode = opened.mode & 0o777
      if (size <= smallFile) {
        const content = new Uint8Array(size)
        const whole = content.subarray(0, readFully(fd, content, 0))
        onBytes?.(whole.length)
        return {
          wanted,
          outcome: 'content',
          content: whole,
          hash: createHash('sha256').update(whole).digest(),
          mtimeNs,
          mode,
        }
      }
      const staged = `d-${randomBytes(12).toString('hex')}`
      await copy(fd, size, into, staged)
      onBytes?.(size)
      return { wanted, outcome: 'file', staged: [staged], mtimeNs, mode }
    } finally {
      closeSync(fd)
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function shut(directories: OpenDirectories): void {
  directories.close()
  directories.root.close()
}

async function copy(fd: number, size: number, into: DirectoryHandle, name: Name): Promise<void> {
  if (size > largeFile && into.raceFree) {
    // By way of the descriptor, so that it is this file, whatever its name leads to by now.
    try {
      await copyLater(`/proc/self/fd/${fd}`, systemPath(into.path(name)), COPYFILE_FICLONE)
    } catch (error) {
      throw fromSystem(error, `copy to ${displayPath(into.location)}`)
    }
    const copied = into.open(name, O_RDONLY)
    try {
      fchmodSync(copied, 0o600)
    } finally {
      closeSync(copied)
    }
    return
  }
  const copied = into.open(name, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  try {
    const piece = new Uint8Array(Math.min(size, largeFile))
    for (let at = 0; at < size;) {
      const read = readFully(fd, piece, at)
      if (read === 0) break
      writeFully(copied, piece.subarray(0, read))
      at += read
    }
  } catch (error) {
    throw fromSystem(error, `copy to ${displayPath(into.location)}`)
  } finally {
    closeSync(copied)
  }
}

function stateOf({ ino, size, mtimeNs, ctimeNs }: FileStat): string {
  return [ino, size, mtimeNs, ctimeNs].join('-')
}
