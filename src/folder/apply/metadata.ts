import { fchmodSync, fchownSync, fstatSync, futimesSync, lchownSync } from 'node:fs'
import { geteuid } from 'node:process'
import type { Name } from '../../bytes/name.ts'
import { systemCode } from '../../errors.ts'
import type { Entry } from '../../object/entry.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import { libc } from '../system/libc.ts'
import { setMode } from '../system/mode.ts'
import { setTimes } from '../system/times.ts'
import { readXattrs, writeXattrs, type Xattr, type XattrHolder, type XattrProblem } from '../system/xattrs.ts'

const setIdBits = 0o6000

/** What carries metadata: an open file or directory, or a name in an open directory. */
interface Carrier {
  readonly xattrs: XattrHolder
  chown(uid: number, gid: number): void
  chmod(mode: number): void
  /** False when the time was rounded. */
  setTime(mtimeNs: bigint): boolean
  time(): bigint | undefined
}

/** What `carrier` has now, as far as it is known: what it has already is not set again. */
export interface Owned {
  readonly uid: number
  readonly gid: number
  /** False when it is known to have no attributes. */
  readonly xattrs?: boolean | undefined
  readonly mode?: number | undefined
}

/** By descriptor, of a file or directory: the quickest way. */
export function carrierOf(fd: number): Carrier {
  return {
    xattrs: fd,
    chown: (uid, gid) => fchownSync(fd, uid, gid),
    chmod: (mode) => fchmodSync(fd, mode),
    setTime: (mtimeNs) => setTimeOf(fd, mtimeNs),
    time: () => fstatSync(fd, { bigint: true }).mtimeNs,
  }
}

/** By name, of anything; never follows a symbolic link. */
export function carrierAt(directory: DirectoryHandle, name: Name): Carrier {
  const path = directory.path(name)
  return {
    xattrs: path,
    chown: (uid, gid) => lchownSync(path, uid, gid),
    chmod: (mode) => setMode(directory, name, mode),
    setTime: (mtimeNs) => setTimes(path, mtimeNs),
    time: () => directory.stat(name)?.mtimeNs,
  }
}

/**
 * Gives owner, attributes, mode and time of `wanted`, in the order in which one does not spoil the other.
 * Returns what could not be set; throws when nothing can (the thing has gone, the disk is full).
 */
export function giveMetadata(carrier: Carrier, wanted: Entry, now: Owned | undefined): string[] {
  const lost: string[] = []
  const owned = giveOwner(carrier, wanted, now, lost)
  if (wanted.xattrs.length > 0 || now?.xattrs !== false) giveXattrs(carrier, wanted, lost)
  if (wanted.kind !== 'symlink') {
    // Under another owner these bits would lend that owner's rights to everybody.
    const mode = owned ? wanted.mode : wanted.mode & ~setIdBits
    // Another owner and an access control list change it.
    const hasMode = now?.mode === mode && now.xattrs === false && owned && wanted.xattrs.length === 0
    if (!hasMode) attempt(() => carrier.chmod(mode), `mode ${wanted.mode.toString(8)}`, lost)
    if (mode !== wanted.mode) lost.push('set-user-id and set-group-id were left out with the owner')
  }
  attempt(() => giveTime(carrier, wanted.mtimeNs, lost), 'time', lost)
  return lost
}

function giveOwner(carrier: Carrier, { uid, gid }: Entry, now: Owned | undefined, lost: string[]): boolean {
  if (now?.uid === uid && now.gid === gid) return true
  try {
    carrier.chown(uid, gid)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return attempt(() => rethrow(error), `owner ${uid}:${gid}`, lost)
  }
  lost.push(`owner ${uid}:${gid} (only root may give files away)`)
  // The group alone may be one of ours.
  if (now?.gid !== gid) {
    try {
      carrier.chown(now?.uid ?? geteuid?.() ?? uid, gid)
    } catch (error) {
      if (systemCode(error) !== 'EPERM') throw error
    }
  }
  return false
}

/** Seconds that 32 bits hold, in nanoseconds: every file system has the times between. */
const farthest = 2n ** 31n * 1_000_000_000n

function giveTime(carrier: Carrier, mtimeNs: bigint, lost: string[]): void {
  if (!carrier.setTime(mtimeNs) && mtimeNs % 1000n !== 0n)
    lost.push('its time is rounded to the microsecond (koffi is missing)')
  const isFar = mtimeNs >= farthest || mtimeNs < -farthest
  // Beyond its range the system takes the last time it has, and says nothing.
  if (isFar && carrier.time() !== mtimeNs) lost.push('its time is beyond what the file system can hold')
}

function rethrow(error: unknown): never {
  throw error
}

function giveXattrs(carrier: Carrier, wanted: Entry, lost: string[]): void {
  if (wanted.xattrs.length === 0 && libc() === undefined) return
  const existing = readXattrs(carrier.xattrs)
  if (wanted.xattrs.length === 0 && existing.length === 0) return
  const kept = existing.filter((xattr) => !isSystemLabel(xattr) || has(wanted.xattrs, xattr))
  const problems: XattrProblem[] = writeXattrs(carrier.xattrs, wanted.xattrs, kept)
  for (const { error } of problems) lost.push(error.message)
}

/** Labels that the system itself puts on every file, and would not have removed. */
function isSystemLabel({ name }: Xattr): boolean {
  return name.startsWith('security.') && name !== 'security.capability'
}

function has(xattrs: readonly Xattr[], { name }: Xattr): boolean {
  return xattrs.some((xattr) => xattr.name === name)
}

/** Refusals that leave the rest of the work as it is. */
const bearable = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EOVERFLOW'])

function attempt(act: () => void, what: string, lost: string[]): boolean {
  try {
    act()
    return true
  } catch (error) {
    const origin = error instanceof Error && error.cause !== undefined ? error.cause : error
    if (!bearable.has(systemCode(origin) ?? '')) throw error
    lost.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    return false
  }
}

/** In a timespec's nanoseconds: leave this time, the one of access, as it is. */
const UTIME_OMIT = 0x3ffffffen
const timespecs = new BigInt64Array([0n, UTIME_OMIT, 0n, 0n])
const timespecBytes = new Uint8Array(timespecs.buffer)

/** `setTimes` for a descriptor, at a quarter of the cost. */
function setTimeOf(fd: number, mtimeNs: bigint): boolean {
  const system = libc()
  if (system !== undefined) {
    const nanoseconds = ((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
    timespecs[2] = (mtimeNs - nanoseconds) / 1_000_000_000n
    timespecs[3] = nanoseconds
    if (system.futimens(fd, timespecBytes) === 0) return true
  }
  const date = new Date(Number(mtimeNs / 1_000_000n))
  futimesSync(fd, date, mtimeNs < 0n ? date : Number(mtimeNs) / 1e9)
  return false
}
