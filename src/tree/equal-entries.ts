import { equalBytes } from '../bytes/compare.ts'
import type { ContentRef } from '../object/content.ts'
import type { Entry, Xattr } from '../object/entry.ts'

/** True when both say the same in everything: their encodings are equal. */
export function equalEntries(a: Entry, b: Entry): boolean {
  if (
    a.kind !== b.kind ||
    a.name !== b.name ||
    a.mode !== b.mode ||
    a.mtimeNs !== b.mtimeNs ||
    a.uid !== b.uid ||
    a.gid !== b.gid ||
    a.link !== b.link ||
    a.unreadable !== b.unreadable ||
    !equalXattrs(a.xattrs, b.xattrs)
  )
    return false
  return a.kind !== 'directory' || b.kind !== 'directory'
    ? equalData(a, b)
    : a.size === b.size && a.count === b.count && equalContent(a.content, b.content)
}

/**
 * True when two entries that are not both directories hold the same: bytes of a file, target of a symlink,
 * numbers of a device. How their owner marked them (`unstable`, `unreadable`) counts too.
 */
export function equalData(a: Entry, b: Entry): boolean {
  if (a.unreadable !== b.unreadable) return false
  if (a.kind === 'directory') return b.kind === 'directory' && equalContent(a.content, b.content)
  return sameData(a, b) && (a.kind !== 'file' || b.kind !== 'file' || a.unstable === b.unstable)
}

/** The same for entries that are no directories, however their owners marked them. */
export function sameData(a: Entry, b: Entry): boolean {
  switch (a.kind) {
    case 'file':
      return b.kind === 'file' && a.size === b.size && equalContent(a.content, b.content)
    case 'directory':
      return false
    case 'symlink':
      return b.kind === 'symlink' && a.target === b.target
    case 'character-device':
    case 'block-device':
      return b.kind === a.kind && a.major === b.major && a.minor === b.minor
    case 'fifo':
    case 'socket':
      return b.kind === a.kind
  }
}

export function equalContent(a: ContentRef | undefined, b: ContentRef | undefined): boolean {
  return a?.id === b?.id && a?.depth === b?.depth
}

export function equalXattrs(a: readonly Xattr[], b: readonly Xattr[]): boolean {
  if (a === b) return true
  return (
    a.length === b.length &&
    a.every((xattr, n) => xattr.name === b[n]!.name && equalBytes(xattr.value, b[n]!.value))
  )
}
