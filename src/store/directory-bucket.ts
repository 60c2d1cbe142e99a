import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  writevSync,
} from 'node:fs'
import { existsSync, statSync, unlinkSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { corrupt, systemCode, TidemarkError } from '../errors.ts'
import { checkBucketName, checkBucketPrefix, isBucketName, temporaryPart } from './bucket-name.ts'
import type { BucketEntry, CallOptions, GetOptions, WriteOptions } from './bucket.ts'
import { checkRange, resolveRange, throwIfCancelled } from './call.ts'
import { directoryError, isAbsent } from './directory-error.ts'
import { makeDirectories, makeDirectory, readFully, syncDirectory, syncFile, writeFully } from './durable.ts'
import { isAbandoned, temporaryName } from './temporary-file.ts'
import type { Upload, UploadBucket } from './upload.ts'

export interface DirectoryBucketOptions {
  /**
   * False leaves out every fsync: a put may then be lost, or be there with wrong bytes, after a power cut
   * (not after the end of the process). For caches, whose bytes are checked when read, and for tests.
   */
  readonly durable?: boolean | undefined
}

/** A link in place of a file is not followed, and a pipe in its place does not make the open wait. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** While listing, how many names are looked at between two turns of the event loop. */
const namesPerTurn = 512

/**
 * A bucket in a directory: `a/b` is the file `b` in its subdirectory `a`. A file is written under a
 * temporary name in `tmp/`, synced and renamed, so that every name holds all of its bytes at any moment.
 *
 * - The directory is made by the first put. The presence of `tmp/` then tells it from the mount point of a
 *   disk that is gone: once seen, its absence makes calls reject `unavailable`, rather than find nothing
 *   or begin anew on the wrong disk.
 * - Files and directories are open to their owner, and to the group as far as the root is.
 * - Being files, `a` and `a/b` cannot both be there: the second put rejects `usage`. Directories that
 *   have become empty stay.
 * - Symbolic links below the root are never listed, nor read as files.
 *
 * Reads, and the writing itself, are synchronous calls: through a thread pool each costs 4 to 8 times the
 * CPU, more than the few microseconds it takes. Only waiting for the disk (fsync) leaves the thread.
 */
export class DirectoryBucket implements UploadBucket {
  readonly root: string
  readonly #temporary: string
  readonly #durable: boolean
  #seen = false
  #ready: Promise<void> | undefined
  #fileMode = 0o600
  #directoryMode = 0o700
  /** By path: resolved when the directory, and each above it up to the root, survives a power cut. */
  readonly #directories = new Map<string, Promise<void>>()

  constructor(root: string, options: DirectoryBucketOptions = {}) {
    this.root = resolve(root)
    this.#temporary = `${this.root}/${temporaryPart}`
    this.#durable = options.durable ?? true
  }

  async get(name: string, options: GetOptions = {}): Promise<Uint8Array> {
    checkBucketName(name)
    checkRange(options.range, name)
    throwIfCancelled(options.signal, `read ${name}`)
    this.#look()
    try {
      const file = openSync(`${this.root}/${name}`, readFlags)
      try {
        return readRange(file, options.range, name)
      } finally {
        closeSync(file)
      }
    } catch (error) {
      if (!isAbsent(error)) throw directoryError(error, `read ${name} in ${this.root}`)
      this.#checkPresent()
      throw missing(name)
    }
  }

  async put(name: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    checkBucketName(name)
    throwIfCancelled(options.signal, `write ${name}`)
    try {
      await this.#prepare()
      const temporary = `${this.#temporary}/${temporaryName()}`
      try {
        const durable = this.#durable && options.fleeting !== true
        await this.#write(temporary, bytes, durable)
        throwIfCancelled(options.signal, `write ${name}`)
        await this.#rename(temporary, name, durable)
      } catch (error) {
        removeIfThere(temporary)
        throw error
      }
    } catch (error) {
      throw this.#explain(error, name)
    }
  }

  /** Writes the parts into a temporary file as they come. */
  upload(): Upload {
    this.#look()
    let temporary: string
    let file: number
    try {
      this.#checkPresent()
      makeDirectories(this.#temporary, this.#directoryMode)
      temporary = `${this.#temporary}/${temporaryName()}`
      file = openSync(temporary, writeFlags, this.#fileMode)
    } catch (error) {
      throw directoryError(error, `begin to write in ${this.root}`)
    }
    let isOpen = true
    const abort = (): void => {
      if (!isOpen) return
      isOpen = false
      closeSync(file)
      removeIfThere(temporary)
    }
    return {
      write: (parts) => {
        try {
          const length = parts.reduce((sum, part) => sum + part.length, 0)
          const written = writevSync(file, parts)
          if (written < length) writeFully(file, Buffer.concat(parts).subarray(written))
        } catch (error) {
          abort()
          throw directoryError(error, `write in ${this.root}`)
        }
      },
      finish: async (name) => {
        checkBucketName(name)
        try {
          await this.#prepare()
          if (this.#durable) await syncFile(file)
          await this.#rename(temporary, name, this.#durable)
          isOpen = false
          closeSync(file)
        } catch (error) {
          abort()
          throw this.#explain(error, name)
        }
      },
      abort,
    }
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<BucketEntry, void> {
    checkBucketPrefix(prefix)
    throwIfCancelled(options.signal, `list ${prefix}`)
    this.#look()
    this.#checkPresent()
    try {
      let looked = 0
      const within = prefix.slice(0, prefix.lastIndexOf('/') + 1)
      const waiting = this.#isOwnDirectory(within) ? [within] : []
      for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
        for (const part of readNames(`${this.root}/${parent}`)) {
          if (++looked % namesPerTurn === 0) await setImmediate()
          throwIfCancelled(options.signal, `list ${prefix}`)
          const name = parent + part
          if (!name.startsWith(prefix) || !isBucketName(name)) continue
          const stats = lstatSync(`${this.root}/${name}`, { throwIfNoEntry: false })
          if (stats?.isDirectory() === true) waiting.push(`${name}/`)
          else if (stats?.isFile() === true) yield { name, size: stats.size }
        }
      }
    } catch (error) {
      throw directoryError(error, `list ${prefix} in ${this.root}`)
    }
    // A disk that went away meanwhile looks like directories deleted meanwhile.
    this.#checkPresent()
  }

  async delete(name: string, options: WriteOptions = {}): Promise<void> {
    checkBucketName(name)
    throwIfCancelled(options.signal, `delete ${name}`)
    this.#look()
    const path = `${this.root}/${name}`
    try {
      unlinkSync(path)
      // Synced as well: what is deleted next may rely on this being gone for good.
      if (this.#durable && options.fleeting !== true) await syncDirectory(dirname(path))
    } catch (error) {
      if (isAbsent(error)) this.#checkPresent()
      else if (systemCode(error) !== 'EISDIR') throw directoryError(error, `delete ${name}`)
    }
  }

  /**
   * Removes unfinished files whose writers have ended; returns how many. Those of other hosts stay, as
   * nobody here can tell. The first put does this by itself.
   */
  async sweepTemporary(): Promise<number> {
    let removed = 0
    try {
      for (const name of readNames(this.#temporary)) {
        if (isAbandoned(name) && removeIfThere(`${this.#temporary}/${name}`)) removed++
      }
    } catch (error) {
      throw directoryError(error, 'remove unfinished files')
    }
    return removed
  }

  #look(): void {
    this.#seen ||= existsSync(this.#temporary)
  }

  #checkPresent(): void {
    if (!this.#seen || existsSync(this.#temporary)) return
    throw new TidemarkError(
      'unavailable',
      `${this.root}: no longer the directory it was (${temporaryPart}/ is gone): is its disk still mounted?`,
    )
  }

  /** Makes the root and `tmp/` when this is the first put; a failure is not remembered. */
  #prepare(): Promise<void> {
    this.#ready ??= this.#makeRoot().catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  async #makeRoot(): Promise<void> {
    this.#checkPresent()
    const changed = makeDirectories(this.root, 0o700)
    const { mode } = statSync(this.root)
    this.#fileMode |= mode & 0o060
    this.#directoryMode |= mode & 0o070
    makeDirectory(this.#temporary, this.#directoryMode)
    this.#seen = true
    if (this.#durable) for (const directory of [...changed, this.root]) await syncDirectory(directory)
    await this.sweepTemporary()
  }

  async #write(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
    const file = openSync(path, writeFlags, this.#fileMode)
    try {
      writeFully(file, bytes)
      if (durable) await syncFile(file)
    } finally {
      closeSync(file)
    }
  }

  async #rename(temporary: string, name: string, durable: boolean): Promise<void> {
    const path = `${this.root}/${name}`
    const parent = dirname(path)
    await this.#makeDirectory(parent)
    renameSync(temporary, path)
    if (durable) await syncDirectory(parent)
  }

  /**
   * Makes a directory below the root. The directories above it are synced once by each process, even when
   * it was there already: another may have made it and been killed before it could sync.
   */
  #makeDirectory(path: string): Promise<void> {
    if (path === this.root) return Promise.resolve()
    const known = this.#directories.get(path)
    if (known !== undefined) return known
    const made = this.#makeBelow(path)
    this.#directories.set(path, made)
    made.catch(() => this.#directories.delete(path))
    return made
  }

  async #makeBelow(path: string): Promise<void> {
    const parent = dirname(path)
    await this.#makeDirectory(parent)
    makeDirectory(path, this.#directoryMode)
    if (this.#durable) await syncDirectory(parent)
  }

  /** What made a put fail, as its caller should see it. */
  #explain(error: unknown, name: string): TidemarkError {
    const code = systemCode(error)
    // When the directories are not as they were known, the next put looks again.
    if (code !== undefined) this.#directories.clear()
    if (code === 'EISDIR' || code === 'ENOTDIR' || code === 'EEXIST') {
      const problem = 'the name of a file would be that of a directory as well'
      return new TidemarkError('usage', `write ${name} in ${this.root}: ${problem}`, { cause: error })
    }
    if (code === 'ENOENT') {
      this.#checkPresent()
      return new TidemarkError('unavailable', `write ${name}: its directory was removed meanwhile`, {
        cause: error,
      })
    }
    return directoryError(error, `write ${name} in ${this.root}`)
  }

  /** True when `within`, empty or ending in `/`, leads through no link to a directory. */
  #isOwnDirectory(within: string): boolean {
    for (let at = within.indexOf('/'); at >= 0; at = within.indexOf('/', at + 1)) {
      const stats = lstatSync(`${this.root}/${within.slice(0, at)}`, { throwIfNoEntry: false })
      if (stats?.isDirectory() !== true) return false
    }
    return true
  }
}

function missing(name: string): TidemarkError {
  return new TidemarkError('missing', `${name}: no such name in this bucket`)
}

function readRange(file: number, range: GetOptions['range'], name: string): Uint8Array {
  const stats = fstatSync(file)
  if (stats.isDirectory()) throw missing(name)
  if (!stats.isFile()) throw new TidemarkError('failed', `${name}: not a regular file`)
  const { start, end } = resolveRange(range, stats.size, name)
  // Memory that was not zeroed: all of it is read into, or the call fails.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(end - start).buffer)
  const read = readFully(file, bytes, start)
  if (read < bytes.length) throw corrupt(name, `ends at byte ${start + read} of ${stats.size}`)
  return bytes
}

/** The names in a directory; none when it was removed meanwhile. */
function readNames(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

/** True when there was such a file. */
function removeIfThere(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch {
    return false
  }
}
