import { nameFromBytes, nameToBytes } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'
import type { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { compareBytes } from '../bytes/compare.ts'
import { maxDepth } from './content.ts'
import type { ContentRef } from './content.ts'
import type { Entry, Kind, Xattr } from './entry.ts'
import { readId, writeId } from './id.ts'

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
const hasXattrs = 0x08
const hasLink = 0x10
const hasContent = 0x20
const isUnstable = 0x40
const isUnreadable = 0x80

/** Limits on what a decoder believes; all are above what Linux allows. */
const maxName = 1024
const maxPath = 65_536
const maxXattrs = 4096
const maxXattrValue = 65_536

/** Writes the one encoding of `entry`. Equal entries give equal bytes. */
export function encodeEntry(writer: Writer, entry: Entry): void {
  const content = 'content' in entry ? entry.content : undefined
  writer.u8(
    kinds.indexOf(entry.kind) |
      (entry.xattrs.length > 0 ? hasXattrs : 0) |
      (entry.link === undefined ? 0 : hasLink) |
      (content ? hasContent : 0) |
      (entry.kind === 'file' && entry.unstable ? isUnstable : 0) |
      (entry.unreadable ? isUnreadable : 0),
  )
  writeName(writer, entry.name)
  writer.varint(entry.mode).varint(entry.uid).varint(entry.gid).i64(entry.mtimeNs)
  if (entry.kind === 'file') writer.varint(entry.size)
  else if (entry.kind === 'directory') writer.varint(entry.size).varint(entry.count)
  else if (entry.kind === 'symlink') writeName(writer, entry.target)
  else if (entry.kind === 'character-device' || entry.kind === 'block-device')
    writer.varint(entry.major).varint(entry.minor)
  if (content) {
    writer.u8(content.depth)
    writeId(writer, content.id)
  }
  if (entry.xattrs.length > 0) {
    writer.varint(entry.xattrs.length)
    for (const xattr of entry.xattrs) {
      writeName(writer, xattr.name)
      writer.prefixed(xattr.value)
    }
  }
  if (entry.link !== undefined) writeName(writer, entry.link)
}

function writeName(writer: Writer, name: Name): void {
  // Most names are short and plain: their characters are their bytes.
  const start = writer.length
  if (name.length < 128) {
    writer.u8(name.length)
    for (let i = 0; i < name.length; i++) {
      const code = name.charCodeAt(i)
      if (code >= 0x80) break
      writer.u8(code)
    }
    if (writer.length - start === name.length + 1) return
    writer.rewind(start)
  }
  writer.prefixed(nameToBytes(name))
}

/**
 * Reads one entry; throws `corrupt` for anything that {@link encodeEntry} would not have written. `root` is
 * true for the entry of a tree's own root, whose name is empty.
 */
export function decodeEntry(reader: Reader, root = false): Entry {
  const first = reader.u8()
  const kind = kinds[first & 7]
  if (kind === undefined) throw reader.fail('unknown kind of entry')
  const name = readName(reader, maxName)
  if (root ? name !== '' : !isSafeName(name)) throw reader.fail('forbidden name')
  const mode = reader.varint()
  if (mode > 0o7777) throw reader.fail('mode out of range')
  const uid = reader.varint()
  const gid = reader.varint()
  if (uid > 0xffff_ffff || gid > 0xffff_ffff) throw reader.fail('owner out of range')
  const mtimeNs = reader.i64()
  const size = kind === 'file' || kind === 'directory' ? reader.varint() : 0
  const count = kind === 'directory' ? reader.varint() : 0
  const target = kind === 'symlink' ? readName(reader, maxPath) : ''
  const device = kind === 'character-device' || kind === 'block-device'
  const major = device ? reader.varint() : 0
  const minor = device ? reader.varint() : 0
  const content = (first & hasContent) > 0 ? readContent(reader) : undefined
  const xattrs = (first & hasXattrs) > 0 ? readXattrs(reader) : none
  const link = (first & hasLink) > 0 ? readLink(reader) : undefined
  const unstable = (first & isUnstable) > 0
  const unreadable = (first & isUnreadable) > 0

  if (unstable && kind !== 'file') throw reader.fail('only a file can be unstable')
  if (link !== undefined && kind === 'directory') throw reader.fail('a directory has no further names')
  if (content && unreadable) throw reader.fail('unreadable, and yet with content')
  const common = { name, mode, uid, gid, mtimeNs, xattrs, link, unreadable }
  switch (kind) {
    case 'file':
      if (!unreadable && size > 0 !== (content !== undefined)) throw reader.fail('size and content disagree')
      return { kind, ...common, size, content, unstable }
    case 'directory':
      if (!unreadable && count > 0 !== (content !== undefined))
        throw reader.fail('count and content disagree')
      return { kind, ...common, size, count, content }
    case 'symlink':
      if (content || target === '') throw reader.fail('not a symlink')
      return { kind, ...common, target }
    case 'character-device':
    case 'block-device':
      if (content) throw reader.fail('a device has no content')
      return { kind, ...common, major, minor }
    case 'fifo':
    case 'socket':
      if (content) throw reader.fail('a fifo or socket has no content')
      return { kind, ...common }
  }
}

const none: readonly Xattr[] = []

function readName(reader: Reader, limit: number): Name {
  return nameFromBytes(reader.prefixed(limit))
}

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
  const path = readName(reader, maxPath)
  if (!path.split('/').every(isSafeName)) throw reader.fail('forbidden path')
  return path
}
