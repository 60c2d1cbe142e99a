import { equalBytes } from '../../bytes/compare.ts'
import { compareNames, displayName, nameFromBytes, type Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { callFailed, cString, libc, type CString, type Libc } from './libc.ts'
import type { SystemPath } from './paths.ts'

/**
 * An extended attribute, by its whole name: `user.comment`. Access control lists
 * (`system.posix_acl_access`, `system.posix_acl_default`), capabilities (`security.capability`) and labels
 * (`security.selinux`) are attributes like others.
 */
export interface Xattr {
  readonly name: Name
  readonly value: Uint8Array
}

export interface XattrProblem {
  readonly name: Name
  readonly error: TidemarkError
}

/** A path, whose last part is not followed when it is a symbolic link, or a descriptor (four times quicker). */
export type XattrHolder = SystemPath | number

const [EPERM, E2BIG, EACCES, EINVAL, ENOSPC, ERANGE, ENODATA, ENOTSUP] = [1, 7, 13, 22, 28, 34, 61, 95]

/** Failures that speak of one attribute. ENOSPC does: ext4 says it of a value too large for its place. */
const aboutOne = new Set([EPERM, E2BIG, EACCES, EINVAL, ENOSPC, ERANGE, ENOTSUP])

/** The kernel lets neither a list of names nor a value be longer. */
const KERNEL_LIMIT = 65_536

/**
 * The kernel allocates as many bytes as it is offered, and 64 KiB make a call a tenth slower, so little is
 * offered at first; a call that answers ERANGE is made again with everything, which no longer can. That
 * also covers a list or a value that grows meanwhile.
 */
const USUAL = 1024
const buffer = new Uint8Array(KERNEL_LIMIT)

/**
 * All attributes of `holder` that this process may see, in the order of their names' bytes. One system call
 * when there are none. Where the C library is out of reach the list is empty.
 */
export function readXattrs(holder: XattrHolder): Xattr[] {
  const system = libc()
  if (system === undefined) return []
  // Nearly all files, without the closures.
  if (typeof holder === 'number' && system.flistxattr(holder, buffer, USUAL) === 0) return []
  const calls = callsOn(system, holder)
  const length = offer((size) => calls.list(size), system)
  if (length === 0) return []
  if (length < 0) {
    const errno = system.errno()
    if (errno === ENOTSUP) return []
    throw callFailed('list attributes of', errno, holder)
  }
  const xattrs: Xattr[] = []
  for (const name of splitNames(buffer.slice(0, length))) {
    const key = cString(name)
    const length = offer((size) => calls.get(key, size), system)
    if (length >= 0) xattrs.push({ name, value: buffer.slice(0, length) })
    else if (system.errno() !== ENODATA) {
      throw callFailed(`read attribute ${displayName(name)} of`, system.errno(), holder)
    } // else it has gone since it was listed
  }
  return xattrs.toSorted((a, b) => compareNames(a.name, b.name))
}

/**
 * Gives `holder` exactly the attributes `wanted`, where `existing` is what {@link readXattrs} says it has
 * now: removes those too many, sets those that differ. Even a new file may have some (a default access
 * control list from its directory, a label).
 *
 * An attribute that the file system or the kernel will not have is answered as a problem and the others are
 * still seen to; any other failure is thrown. Setting an access control list changes the mode; a change of
 * owner or content takes capabilities away: attributes come after those, and the mode after attributes.
 */
export function writeXattrs(
  holder: XattrHolder,
  wanted: readonly Xattr[],
  existing: readonly Xattr[],
): XattrProblem[] {
  const before = new Map(existing.map(({ name, value }) => [name, value]))
  const kept = new Set(wanted.map(({ name }) => name))
  const extra = existing.filter(({ name }) => !kept.has(name))
  const changed = wanted.filter(({ name, value }) => {
    const old = before.get(name)
    return old === undefined || !equalBytes(old, value)
  })
  if (extra.length === 0 && changed.length === 0) return []

  const system = libc()
  if (system === undefined)
    return [...extra, ...changed].map(({ name }) => ({ name, error: outOfReach(name) }))
  const calls = callsOn(system, holder)
  const problems: XattrProblem[] = []
  const check = (verb: string, name: Name, result: number): void => {
    if (result === 0) return
    const errno = system.errno()
    if (verb === 'remove' && errno === ENODATA) return
    const error = callFailed(`${verb} attribute ${displayName(name)} of`, errno, holder)
    if (!aboutOne.has(errno)) throw error
    problems.push({ name, error })
  }
  for (const { name } of extra) check('remove', name, calls.remove(cString(name)))
  for (const { name, value } of changed) check('set', name, calls.set(cString(name), value))
  return problems
}

interface Calls {
  list(size: number): number
  get(key: CString, size: number): number
  set(key: CString, value: Uint8Array): number
  remove(key: CString): number
}

function callsOn(system: Libc, holder: XattrHolder): Calls {
  if (typeof holder === 'number') {
    return {
      list: (size) => system.flistxattr(holder, buffer, size),
      get: (key, size) => system.fgetxattr(holder, key, buffer, size),
      set: (key, value) => system.fsetxattr(holder, key, value, value.length, 0),
      remove: (key) => system.fremovexattr(holder, key),
    }
  }
  const path = cString(holder)
  return {
    list: (size) => system.llistxattr(path, buffer, size),
    get: (key, size) => system.lgetxattr(path, key, buffer, size),
    set: (key, value) => system.lsetxattr(path, key, value, value.length, 0),
    remove: (key) => system.lremovexattr(path, key),
  }
}

function offer(call: (size: number) => number, system: Libc): number {
  const length = call(USUAL)
  return length < 0 && system.errno() === ERANGE ? call(KERNEL_LIMIT) : length
}

/** The kernel's list: names, each ended by a NUL. */
function splitNames(list: Uint8Array): Name[] {
  const names: Name[] = []
  for (let start = 0; start < list.length;) {
    const end = list.indexOf(0, start)
    names.push(nameFromBytes(list.subarray(start, end)))
    start = end + 1
  }
  return names
}

function outOfReach(name: Name): TidemarkError {
  return new TidemarkError('unsupported', `attribute ${displayName(name)}: not without the C library (koffi)`)
}
