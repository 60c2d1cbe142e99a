import { TidemarkError } from '../errors.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { compareBytes } from '../bytes/compare.ts'
import { nameFromBytes, nameToBytes } from '../bytes/name.ts'
import type { DirectoryEntry } from './entry.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import { readId, writeId } from './id.ts'
import type { Id } from './id.ts'

/** A folder's tree at a moment. Its id is the SHA-256 of its encoding. */
export interface Snapshot {
  /** Which folder: 32 hexadecimal digits drawn when its history began, the same on every peer. */
  readonly folder: string
  /** Who made it: 32 hexadecimal digits, and the name people gave the machine. */
  readonly device: string
  readonly host: string
  /** Where the folder was then. For people only. */
  readonly path: string
  /** Milliseconds since 1970, by the device's clock. Order comes from `parents`, not from here. */
  readonly time: number
  /** What it came after: none for the first, two for a merge. In ascending order. */
  readonly parents: readonly Id[]
  /** The folder itself; its name is empty. */
  readonly root: DirectoryEntry
  readonly message: string
  /** In ascending order. */
  readonly tags: readonly string[]
  /** How many entries could not be read, and how many would not hold still; 0 and 0 for a whole snapshot. */
  readonly unreadable: number
  readonly unstable: number
  /** Program and version that made it. */
  readonly program: string
  /** False when the repository keeps the trees alone, and contents come from the folder as far as it has them. */
  readonly contents: boolean
}

/** First byte: of one whose contents are kept, and of one without. Later formats take 0x33 to 0x3f. */
const snapshotMark = 0x31
const timelineMark = 0x32
const maxParents = 64
const maxTags = 256
const maxText = 65_536
/** No encoded snapshot is larger. */
export const maxSnapshotSize: number = 16 * 1024 * 1024

/** Throws `limit` for what {@link decodeSnapshot} would not take back. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array<ArrayBuffer> {
  const writer = new Writer(512)
  writer.u8(snapshot.contents ? snapshotMark : timelineMark)
  const text = (value: string): Writer => {
    const bytes = nameToBytes(value)
    if (bytes.length > maxText) throw tooMuch(`a text of ${bytes.length} bytes`)
    return writer.prefixed(bytes)
  }
  if (snapshot.parents.length > maxParents) throw tooMuch(`${snapshot.parents.length} parents`)
  if (snapshot.tags.length > maxTags) throw tooMuch(`${snapshot.tags.length} tags`)
  if (!Number.isSafeInteger(snapshot.time) || snapshot.time < 0) throw tooMuch(`the time ${snapshot.time}`)
  text(snapshot.folder)
  text(snapshot.device)
  text(snapshot.host)
  text(snapshot.path)
  writer.varint(snapshot.time).varint(snapshot.parents.length)
  for (const parent of snapshot.parents.toSorted()) writeId(writer, parent)
  encodeEntry(writer, snapshot.root)
  text(snapshot.message).varint(snapshot.tags.length)
  for (const tag of snapshot.tags.toSorted(compareTexts)) text(tag)
  writer.varint(snapshot.unreadable).varint(snapshot.unstable)
  text(snapshot.program)
  return writer.finish()
}

function tooMuch(what: string): TidemarkError {
  return new TidemarkError('limit', `a snapshot cannot hold ${what}`)
}

function compareTexts(a: string, b: string): number {
  return compareBytes(nameToBytes(a), nameToBytes(b))
}

/** Throws `corrupt`, or `unsupported` for a snapshot of a newer format. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const reader = new Reader(bytes, 'snapshot')
  if (bytes.length > maxSnapshotSize) throw reader.fail('too large')
  const mark = reader.u8()
  if (mark > timelineMark && mark < 0x40)
    throw new TidemarkError('unsupported', 'snapshot: made by a newer Tidemark: update this one')
  if (mark !== snapshotMark && mark !== timelineMark) throw reader.fail('not a snapshot')
  const text = (): string => nameFromBytes(reader.prefixed(maxText))
  const folder = text()
  const device = text()
  if (!isRandomId(folder) || !isRandomId(device)) throw reader.fail('bad folder or device')
  const host = text()
  const path = text()
  const time = reader.varint()
  const parents = list(
    reader,
    maxParents,
    () => readId(reader),
    (a, b) => (a < b ? -1 : 1),
  )
  const root = decodeEntry(reader, true)
  if (root.kind !== 'directory') throw reader.fail('its root is no directory')
  const message = text()
  const tags = list(reader, maxTags, text, compareTexts)
  const unreadable = reader.varint()
  const unstable = reader.varint()
  const program = text()
  reader.end()
  const about = { folder, device, host, path, time, parents, root, message, tags }
  return { ...about, unreadable, unstable, program, contents: mark === snapshotMark }
}

function list<T>(reader: Reader, limit: number, read: () => T, compare: (a: T, b: T) => number): T[] {
  const count = reader.varint()
  if (count > limit) throw reader.fail('list too long')
  const items: T[] = []
  for (let i = 0; i < count; i++) {
    const item = read()
    if (i > 0 && compare(items[i - 1]!, item) >= 0) throw reader.fail('list out of order')
    items.push(item)
  }
  return items
}

/** 128 bits drawn at random, as 32 lower-case hexadecimal digits: how folders and devices are named. */
export function isRandomId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}
