import { lstatSync, lutimesSync } from 'node:fs'
import { fromSystem, TidemarkError } from '../../errors.ts'
import { callFailed, cString, libc } from './libc.ts'
import { displayPath, systemPath, type SystemPath } from './paths.ts'

const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
/** In a timespec's nanoseconds: leave this time as it is. */
const UTIME_OMIT = 0x3ffffffen

const NS_PER_S = 1_000_000_000n

/** Two timespecs: of access, which is left alone, and of modification. */
const timespecs = new BigInt64Array([0n, UTIME_OMIT, 0n, 0n])
const timespecBytes = new Uint8Array(timespecs.buffer)

/**
 * Sets the time of last modification of `path`, of a symbolic link itself rather than what it leads to.
 * `mtimeNs` is in nanoseconds since 1970 and may be negative. The time of access is kept.
 *
 * True when it was set to the nanosecond, as far as the file system keeps them; false where only Node's own
 * call is to be had, which rounds to about a microsecond (before 1970: to a millisecond).
 */
export function setTimes(path: SystemPath, mtimeNs: bigint): boolean {
  const system = libc()
  if (system === undefined) {
    setTimesRoughly(systemPath(path), mtimeNs)
    return false
  }
  fillTimespecs(mtimeNs)
  if (system.utimensat(AT_FDCWD, cString(path), timespecBytes, AT_SYMLINK_NOFOLLOW) !== 0) {
    throw callFailed('set times of', system.errno(), path)
  }
  return true
}

function fillTimespecs(mtimeNs: bigint): void {
  const nanoseconds = ((mtimeNs % NS_PER_S) + NS_PER_S) % NS_PER_S
  const seconds = (mtimeNs - nanoseconds) / NS_PER_S
  if (BigInt.asIntN(64, seconds) !== seconds) {
    throw new TidemarkError('limit', `a time of ${mtimeNs} ns is beyond what the system can hold`)
  }
  timespecs[2] = seconds
  timespecs[3] = nanoseconds
}

function setTimesRoughly(path: SystemPath, mtimeNs: bigint): void {
  try {
    // Node takes a negative number of seconds to mean now; a Date is taken as it is.
    const before1970 = mtimeNs < 0n
    const mtime = before1970 ? new Date(Number(mtimeNs / 1_000_000n)) : Number(mtimeNs) / 1e9
    lutimesSync(path, lstatSync(path).atime, mtime)
  } catch (error) {
    throw fromSystem(error, `set times of ${displayPath(path)}`)
  }
}
