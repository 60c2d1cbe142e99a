import { lstatSync, type BigIntStats } from 'node:fs'
import { fromSystem, systemCode, TidemarkError } from '../../errors.ts'
import { displayPath, systemPath, type SystemPath } from './paths.ts'

export type FileKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'block' | 'character' | 'socket'

/** What the system tells about a file without opening it. Exact: times to the nanosecond, numbers whole. */
export interface FileStat {
  readonly kind: FileKind
  /** Permissions with set-uid, set-gid and sticky: 12 bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes. */
  readonly size: number
  /** With `dev`, names the file as long as it exists. */
  readonly ino: bigint
  readonly dev: bigint
  /** How many names it has. */
  readonly nlink: number
  /** As {@link storedTime} says. */
  readonly mtimeNs: bigint
  /** Last change of anything about it, by the system's own clock. */
  readonly ctimeNs: bigint
  /** Of a device: which one (see `splitDevice`). */
  readonly rdev: bigint
  /** Units of 512 bytes taken on disk. */
  readonly blocks: number
}

const kinds = new Map<number, FileKind>([
  [0o01, 'fifo'],
  [0o02, 'character'],
  [0o04, 'directory'],
  [0o06, 'block'],
  [0o10, 'file'],
  [0o12, 'symlink'],
  [0o14, 'socket'],
])

/** The kind in the high bits of a mode as C has it (`st_mode`). */
export function kindOfMode(mode: number): FileKind {
  const kind = kinds.get(mode >> 12)
  if (kind === undefined) throw new TidemarkError('unsupported', `no file kind has mode ${mode.toString(8)}`)
  return kind
}

/**
 * What is at `path`, symbolic links not followed; undefined when nothing is.
 *
 * Of Node's two forms only the one with bigints has whole nanoseconds, and on Node 26 it is no slower
 * (2.1 µs against 2.0).
 */
export function readStat(path: SystemPath): FileStat | undefined {
  try {
    const stats = lstatSync(systemPath(path), { bigint: true, throwIfNoEntry: false })
    return stats === undefined ? undefined : fileStat(stats)
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined
    throw fromSystem(error, `look at ${displayPath(path)}`)
  }
}

const [earliest, latest] = [-(2n ** 63n), 2n ** 63n - 1n]

/** The nearest time that 64 bits of nanoseconds hold (1677 to 2262), which is all that trees have for it. */
export function storedTime(ns: bigint): bigint {
  if (ns > latest) return latest
  return ns < earliest ? earliest : ns
}

/** Whether a stored time may stand for one that is beyond it. */
export function isFarthestTime(ns: bigint): boolean {
  return ns === latest || ns === earliest
}

/** The same from what node:fs gave, by `fstat` for example. */
export function fileStat(stats: BigIntStats): FileStat {
  const mode = Number(stats.mode)
  return {
    kind: kindOfMode(mode),
    mode: mode & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    ino: stats.ino,
    dev: stats.dev,
    nlink: Number(stats.nlink),
    mtimeNs: storedTime(stats.mtimeNs),
    ctimeNs: stats.ctimeNs,
    rdev: stats.rdev,
    blocks: Number(stats.blocks),
  }
}
