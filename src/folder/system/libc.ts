import { createRequire } from 'node:module'
import { endianness } from 'node:os'
import { getSystemErrorMessage, getSystemErrorName } from 'node:util'
import type * as Koffi from 'koffi'
import { fromSystem, TidemarkError } from '../../errors.ts'
import { displayPath, systemPath, type SystemPath } from './paths.ts'

/** What C takes as a path: see {@link cString}. */
export type CString = string | Uint8Array

/**
 * The calls of the C library that Node does not offer. Each is synchronous, costs about a third of a
 * microsecond on top of the call itself, and returns what C returns: -1 for a failure, whose number
 * `errno()` then tells until the next call.
 */
export interface Libc {
  errno(): number
  llistxattr(path: CString, list: Uint8Array, size: number): number
  flistxattr(fd: number, list: Uint8Array, size: number): number
  lgetxattr(path: CString, name: CString, value: Uint8Array, size: number): number
  fgetxattr(fd: number, name: CString, value: Uint8Array, size: number): number
  lsetxattr(path: CString, name: CString, value: Uint8Array, size: number, flags: number): number
  fsetxattr(fd: number, name: CString, value: Uint8Array, size: number, flags: number): number
  lremovexattr(path: CString, name: CString): number
  fremovexattr(fd: number, name: CString): number
  utimensat(directory: number, path: CString, times: Uint8Array, flags: number): number
  futimens(fd: number, times: Uint8Array): number
  openat(directory: number, path: CString, flags: number, mode: number): number
  renameat(from: number, name: CString, to: number, newName: CString): number
  linkat(from: number, path: CString, to: number, newName: CString, flags: number): number
  lseek(fd: number, offset: number, whence: number): number | bigint
  statx(directory: number, path: CString, flags: number, mask: number, into: Uint8Array): number
  syncfs(fd: number): number
  /** Not in a glibc older than 2.30. */
  getdents64: ((fd: number, into: Uint8Array, size: number) => number) | undefined
  /** Not in a glibc older than 2.28. */
  renameat2:
    | ((from: number, name: CString, to: number, newName: CString, flags: number) => number)
    | undefined
  /** Not in a glibc older than 2.33, where it is no function of its own. */
  mknod: ((path: CString, mode: number, device: bigint) => number) | undefined
}

const declarations = {
  llistxattr: 'long llistxattr(const char *path, void *list, size_t size)',
  flistxattr: 'long flistxattr(int fd, void *list, size_t size)',
  lgetxattr: 'long lgetxattr(const char *path, const char *name, void *value, size_t size)',
  fgetxattr: 'long fgetxattr(int fd, const char *name, void *value, size_t size)',
  lsetxattr: 'int lsetxattr(const char *path, const char *name, void *value, size_t size, int flags)',
  fsetxattr: 'int fsetxattr(int fd, const char *name, void *value, size_t size, int flags)',
  lremovexattr: 'int lremovexattr(const char *path, const char *name)',
  fremovexattr: 'int fremovexattr(int fd, const char *name)',
  utimensat: 'int utimensat(int directory, const char *path, void *times, int flags)',
  futimens: 'int futimens(int fd, void *times)',
  openat: 'int openat(int directory, const char *path, int flags, uint32_t mode)',
  renameat: 'int renameat(int from, const char *name, int to, const char *newName)',
  linkat: 'int linkat(int from, const char *path, int to, const char *newName, int flags)',
  lseek: 'int64_t lseek(int fd, int64_t offset, int whence)',
  statx: 'int statx(int directory, const char *path, int flags, uint32_t mask, void *into)',
  syncfs: 'int syncfs(int fd)',
}

const perhaps = {
  getdents64: 'long getdents64(int fd, void *into, size_t size)',
  renameat2: 'int renameat2(int from, const char *name, int to, const char *newName, uint32_t flags)',
  mknod: 'int mknod(const char *path, uint32_t mode, uint64_t device)',
}

let loaded: { libc: Libc | undefined } | undefined

/**
 * The C library, or undefined where it cannot be reached: callers then fall back on what Node has and say
 * what they lose. Loading takes about 12 ms, once in each thread, so it waits for the first call.
 */
export function libc(): Libc | undefined {
  loaded ??= { libc: load() }
  return loaded.libc
}

/** The same, but only if it has been loaded already in this thread. */
export function libcIfLoaded(): Libc | undefined {
  return loaded?.libc
}

/**
 * The one place that decides about the platform: constants, structures and signatures used with `Libc` are
 * those of 64-bit little-endian Linux.
 */
function load(): Libc | undefined {
  if (process.platform !== 'linux' || endianness() !== 'LE') return undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
    if (koffi.sizeof('void *') !== 8) return undefined
    const library = koffi.load(null)
    const failures = new Failures(() => koffi.errno())
    const call = (declaration: string): Call => failures.watch(library.func(declaration), declaration)
    const calls: Record<string, unknown> = { errno: () => failures.errno }
    for (const [name, declaration] of Object.entries(declarations)) calls[name] = call(declaration)
    for (const [name, declaration] of Object.entries(perhaps))
      calls[name] = undefinedIfMissing(() => call(declaration))
    return calls as unknown as Libc
  } catch {
    return undefined
  }
}

interface Call {
  (...values: unknown[]): unknown
  readonly async?: (...values: unknown[]) => void
}

/** EINTR, EAGAIN, ETIMEDOUT: what waking and waiting leave behind. */
const spoilt: ReadonlySet<number> = new Set([4, 11, 110])
const mostRepeats = 3

/**
 * The number of the last failure. Between a call and the look at its errno the runtime may make calls of its own on
 * the same thread (its collector waits for others), which leave theirs. A call that has failed has done nothing, so
 * where the number may be of another it is made again.
 */
class Failures {
  errno = 0
  readonly #read: () => number

  constructor(read: () => number) {
    this.#read = read
  }

  /** By the number of parameters, for a list of them would cost as much as the call. */
  watch(call: Call, declaration: string): Call {
    const watched = this.#watched(call, declaration.split(',').length)
    const { async } = call
    return async === undefined ? watched : Object.assign(watched, { async: async.bind(call) })
  }

  #watched(call: Call, parameters: number): Call {
    if (parameters === 1)
      return (a) => {
        const result = call(a)
        return result === -1 ? this.#failed(call, [a]) : result
      }
    if (parameters === 2)
      return (a, b) => {
        const result = call(a, b)
        return result === -1 ? this.#failed(call, [a, b]) : result
      }
    if (parameters === 3)
      return (a, b, c) => {
        const result = call(a, b, c)
        return result === -1 ? this.#failed(call, [a, b, c]) : result
      }
    if (parameters === 4)
      return (a, b, c, d) => {
        const result = call(a, b, c, d)
        return result === -1 ? this.#failed(call, [a, b, c, d]) : result
      }
    return (a, b, c, d, e) => {
      const result = call(a, b, c, d, e)
      return result === -1 ? this.#failed(call, [a, b, c, d, e]) : result
    }
  }

  #failed(call: Call, values: readonly unknown[]): unknown {
    this.errno = this.#read()
    for (let left = mostRepeats; left > 0 && spoilt.has(this.errno); left--) {
      const result = call(...values)
      if (result !== -1) return result
      this.errno = this.#read()
    }
    return -1
  }
}

function undefinedIfMissing<T>(find: () => T): T | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}

/** `text` for C, which would take it to end at a NUL: a text that holds one is refused with `usage`. */
export function cString(text: SystemPath): CString {
  const path = systemPath(text)
  if (typeof path === 'string' ? path.includes('\0') : path.includes(0)) {
    throw new TidemarkError('usage', `${displayPath(path)}: a name cannot hold a NUL`)
  }
  return typeof path === 'string' ? path : Buffer.concat([path, Buffer.alloc(1)])
}

/** What Node itself would throw for `errno`, without the call and the path. */
export function errnoError(errno: number): Error {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${code}: ${getSystemErrorMessage(-errno)}`), { code, errno: -errno })
}

/** The error for a call that failed with `errno`: what was being done, and to what. */
export function callFailed(doing: string, errno: number, what: SystemPath | number): TidemarkError {
  const subject = typeof what === 'number' ? `descriptor ${what}` : displayPath(what)
  return fromSystem(errnoError(errno), `${doing} ${subject}`)
}
