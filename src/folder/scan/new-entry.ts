import type { Name } from '../../bytes/name.ts'
import type { Entry, Xattr } from '../../object/entry.ts'
import { splitDevice } from '../system/device.ts'
import type { FileStat } from '../system/file-stat.ts'
import { readTarget } from '../system/paths.ts'
import type { SystemPath } from '../system/paths.ts'
import { isRoundedTime } from '../system/rounded-time.ts'
import { isSettled, tick } from '../system/settling.ts'

/** The entry that a file's metadata makes, still without content: of a file or directory it comes later. */
export function newEntry(
  name: Name,
  path: SystemPath,
  stat: FileStat,
  xattrs: readonly Xattr[],
  link: Name | undefined,
): Entry {
  const { mode, uid, gid, mtimeNs } = stat
  const common = { name, mode, uid, gid, mtimeNs, xattrs, link, unreadable: false }
  switch (stat.kind) {
    case 'file':
      return { kind: 'file', ...common, size: Math.min(stat.size, Number.MAX_SAFE_INTEGER), unstable: false }
    case 'directory':
      return { kind: 'directory', ...common, size: 0, count: 0 }
    case 'symlink':
      return { kind: 'symlink', ...common, target: readTarget(path) }
    case 'character':
      return { kind: 'character-device', ...common, ...splitDevice(stat.rdev) }
    case 'block':
      return { kind: 'block-device', ...common, ...splitDevice(stat.rdev) }
    case 'fifo':
    case 'socket':
      return { kind: stat.kind, ...common }
  }
}

/** What the tree calls a kind of thing that the system knows. */
export const kindOf: Readonly<Record<FileStat['kind'], Entry['kind']>> = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  character: 'character-device',
  block: 'block-device',
  fifo: 'fifo',
  socket: 'socket',
}

/**
 * True when nothing about a file can have changed since `entry` was made of it: any change of content or
 * metadata sets the ctime, which no program can set back. Size and mtime are compared as well in case the
 * clock was moved; a time that was given may show as a coarser one. An entry that was not whole is never taken as it is.
 */
export function isUnchanged(entry: Entry, ino: bigint, ctimeNs: bigint, stat: FileStat): boolean {
  return (
    ctimeNs === stat.ctimeNs &&
    ino === BigInt.asIntN(64, stat.ino) &&
    isRoundedTime(entry.mtimeNs, stat.mtimeNs) &&
    entry.kind === kindOf[stat.kind] &&
    (entry.kind !== 'file' || (entry.size === stat.size && !entry.unstable)) &&
    !entry.unreadable
  )
}

/**
 * What to remember as the ctime of a file just looked at: 0, which never matches, when it changed so recently
 * that it could change again and show the same time.
 */
export function settledCtime(stat: FileStat): bigint {
  return isSettled(stat, tick) ? stat.ctimeNs : 0n
}
