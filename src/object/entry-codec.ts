import { isAscii, nameFromBytes, nameToBytes } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import type { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { compareBytes } from '../bytes/compare.ts'
import { TidemarkError } from '../errors.ts'
import { maxDepth } from './content.ts'
import type { ContentRef } from './content.ts'
import type { Entry, Kind, Xattr } from './entry.ts'
import { idLength, readId, writeId } from './id.ts'

/** The first byte of an entry: its kind in the low three bits, then flags. */
const kinds: readonly (Kind | undefined)[] = [
  undefined,
  'file',
  'directory',
  'symlink',
  'fifo',
  'character-device',
  'block-device',
  'socket',
]
export const entryFlags = {
  xattrs: 0x08,
  link: 0x10,
  content: 0x20,
  unstable: 0x40,
  unreadable: 0x80,
} as const

/** The kind in an entry's first byte; undefined when there is none of that number. */
export function kindOf(first: number): Kind | undefined {
  return kinds[first & 7]
}

/** Limits on what a decoder believes; all are above what Linux allows. */
export const maxName = 1024
const maxPath = 65_536
const maxXattrs = 16_384
const maxXattrValue = 65_536

/** Writes the one encoding of `entry`: equal entries give equal bytes. Throws `limit` for what goes beyond the limits. */
export function encodeEntry(writer: Writer, entry: Entry): void {
  const content = 'content' in entry ? entry.content : undefined
  writer.u8(
    kinds.indexOf(entry.kind) |
      (entry.xattrs.length > 0 ? entryFlags.xattrs : 0) |
      (entry.link === undefined ? 0 : entryFlags.link) |
      (content ? entryFlags.content : 0) |
      (entry.kind === 'file' && entry.unstable ? entryFlags.unstable : 0) |
      (entry.unreadable ? entryFlags.unreadable : 0),
  )
  writeName(writer, entry.name, maxName)
  writer.varint(entry.mode).varint(entry.uid).varint(entry.gid).i64(entry.mtimeNs)
  if (entry.kind === 'file') writer.varint(entry.size)
  else if (entry.kind === 'directory') writer.varint(entry.size).varint(entry.count)
  else if (entry.kind === 'symlink') writeName(writer, entry.target, maxPath)
  else if (entry.kind === 'character-device' || entry.kind === 'block-device')
    writer.varint(entry.major).varint(entry.minor)
  if (content) {
    writer.u8(content.depth)
    writeId(writer, content.id)
  }
  if (entry.xattrs.length > 0) {
    writer.varint(checkLength(entry.xattrs.length, maxXattrs))
    for (const xattr of entry.xattrs) {
      writeName(writer, xattr.name, maxName)
      checkLength(xattr.value.length, maxXattrValue)
      writer.prefixed(xattr.value)
    }
  }
  if (entry.link !== undefined) writeName(writer, entry.link, maxPath)
}

function writeName(writer: Writer, name: Name, limit: number): void {
  if (isAscii(name)) writer.varint(checkLength(name.length, limit)).latin1(name)
  else {
    const bytes = nameToBytes(name)
    checkLength(bytes.length, limit)
    writer.prefixed(bytes)
  }
}

/** What could not be read again is not written. */
function checkLength(length: number, limit: number): number {
  if (length <= limit) return length
  throw new TidemarkError('limit', `tree: ${length} where ${limit} is the limit`)
}

/**
 * Reads one entry; throws `corrupt` for anything that {@link encodeEntry} would not have written. `root` is
 * true for the entry of a tree's own root, whose name is empty.
 */
export function decodeEntry(reader: Reader, root = false): Entry {
  const first = reader.u8()
  const kind = kindOf(first)
  if (kind === undefined) throw reader.fail('unknown kind of entry')
  const name = reader.name(maxName)
  if (root ? name !== '' : !isSafeName(name)) throw reader.fail('forbidden name')
  const mode = reader.varint()
  if (mode > 0o7777) throw reader.fail('mode out of range')
  const uid = reader.varint()
  const gid = reader.varint()
  if (uid > 0xffff_ffff || gid > 0xffff_ffff) throw reader.fail('owner out of range')
  const mtimeNs = reader.i64()
  const size = kind === 'file' || kind === 'directory' ? reader.varint() : 0
  const count = kind === 'directory' ? reader.varint() : 0
  const target = kind === 'symlink' ? reader.name(maxPath) : ''
  const device = kind === 'character-device' || kind === 'block-device'
  const major = device ? reader.varint() : 0
  const minor = device ? reader.varint() : 0
  const content = (first & entryFlags.content) > 0 ? readContent(reader) : undefined
  const xattrs = (first & entryFlags.xattrs) > 0 ? readXattrs(reader) : none
  const link = (first & entryFlags.link) > 0 ? readLink(reader) : undefined
  const unstable = (first & entryFlags.unstable) > 0
  const unreadable = (first & entryFlags.unreadable) > 0

  if (unstable && kind !== 'file') throw reader.fail('only a file can be unstable')
  if (link !== undefined && kind === 'directory') throw reader.fail('a directory has no further names')
  if (content && unreadable) throw reader.fail('unreadable, and yet with content')
  // Written out, not spread: this runs for every entry that is ever read.
  switch (kind) {
    case 'file':
      if (!unreadable && size > 0 !== (content !== undefined)) throw reader.fail('size and content disagree')
      return { kind, name, mode, uid, gid, mtimeNs, xattrs, link, unreadable, size, content, unstable }
    case 'directory':
      if (!unreadable && count > 0 !== (content !== undefined))
        throw reader.fail('count and content disagree')
      return { kind, name, mode, uid, gid, mtimeNs, xattrs, link, unreadable, size, count, content }
    case 'symlink':
      if (content || target === '') throw reader.fail('not a symlink')
      return { kind, name, mode, uid, gid, mtimeNs, xattrs, link, unreadable, target }
    case 'character-device':
    case 'block-device':
      if (content) throw reader.fail('a device has no content')
      return { kind, name, mode, uid, gid, mtimeNs, xattrs, link, unreadable, major, minor }
    case 'fifo':
    case 'socket':
      if (content) throw reader.fail('a fifo or socket has no content')
      return { kind, name, mode, uid, gid, mtimeNs, xattrs, link, unreadable }
  }
}

/** What an entry says in numbers. */
export interface EntryNumbers {
  /** Its mtime in nanoseconds, as the low and the high half of 64 bits, each signed. */
  mtimeLow: number
  mtimeHigh: number
  /** Of a file or directory, else 0. */
  size: number
  /** Of a directory, else 0. */
  count: number
}

/**
 * Goes past the rest of an entry whose first byte and name have been read, checking no more than that it does
 * not end early, and tells its numbers `into` an object that is there already.
 */
export function skimAfterName(reader: Reader, first: number, into: EntryNumbers): void {
  const kind = kindOf(first)
  if (kind === undefined) throw reader.fail('unknown kind of entry')
  reader.varint()
  reader.varint()
  reader.varint()
  into.mtimeLow = reader.u32() | 0
  into.mtimeHigh = reader.u32() | 0
  into.size = kind === 'file' || kind === 'directory' ? reader.varint() : 0
  into.count = kind === 'directory' ? reader.varint() : 0
  if (kind === 'symlink') reader.advance(reader.varint())
  if (kind === 'character-device' || kind === 'block-device') {
    reader.varint()
    reader.varint()
  }
  if ((first & entryFlags.content) > 0) reader.advance(1 + idLength)
  if ((first & entryFlags.xattrs) > 0) {
    for (let left = reader.varint(); left > 0; left--) {
      reader.advance(reader.varint())
      reader.advance(reader.varint())
    }
  }
  if ((first & entryFlags.link) > 0) reader.advance(reader.varint())
}

/**
 * Where the entry that begins at `start` ends, quicker than {@link skimAfterName}, if it is one like most: a file or
 * directory with a name of less than 128 bytes, without extended attributes and links. Else, or when the bytes end
 * early, -1. Checks nothing.
 */
export function endOfPlainEntry(bytes: Uint8Array, start: number): number {
  const first = bytes[start]!
  const kind = first & 7
  const length = bytes[start + 1]!
  if (kind === 0 || kind > 2 || (first & (entryFlags.xattrs | entryFlags.link)) > 0 || length >= 0x80)
    return -1
  // Its mode and owner, its time, its size and count. Beyond the bytes there is none that goes on.
  let end = start + 2 + length
  while (bytes[end++]! >= 0x80);
  while (bytes[end++]! >= 0x80);
  while (bytes[end++]! >= 0x80);
  end += 8
  while (bytes[end++]! >= 0x80);
  if (kind === 2) while (bytes[end++]! >= 0x80);
  if ((first & entryFlags.content) > 0) end += 1 + idLength
  return end <= bytes.length ? end : -1
}

const none: readonly Xattr[] = []

/** A name that stays in its directory, whatever system it is used on. */
export function isSafeName(name: Name): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')
}

function readContent(reader: Reader): ContentRef {
  const depth = reader.u8()
  if (depth > maxDepth) throw reader.fail('content too deep')
  return { depth, id: readId(reader) }
}

function readXattrs(reader: Reader): Xattr[] {
  const count = reader.varint()
  if (count === 0 || count > maxXattrs) throw reader.fail('bad number of extended attributes')
  const xattrs: Xattr[] = []
  let previous: Uint8Array | undefined
  for (let i = 0; i < count; i++) {
    const name = reader.prefixed(maxName)
    if (previous && compareBytes(previous, name) >= 0) throw reader.fail('extended attributes out of order')
    previous = name
    // The value is copied, so that an entry kept for long does not keep its whole tree in memory.
    xattrs.push({ name: nameFromBytes(name), value: reader.prefixed(maxXattrValue).slice() })
  }
  return xattrs
}

function readLink(reader: Reader): Name {
  const path = reader.name(maxPath)
  if (!path.split('/').every(isSafeName)) throw reader.fail('forbidden path')
  return path
}
