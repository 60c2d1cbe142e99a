import { TidemarkError } from '../errors.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { compareBytes } from '../bytes/compare.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { nameFromBytes, nameToBytes } from '../bytes/name.ts'
import type { DirectoryEntry } from './entry.ts'
import { decodeEntry, encodeEntry } from './entry-codec.ts'
import type { Clock, Tick } from './clock.ts'
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
  /** What it comes after, of every device. */
  readonly clock: Clock
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

/**
 * First byte: of one whose contents are kept, of one without, and of one with a clock, which says itself whether
 * contents are kept. Later formats take 0x34 to 0x3f.
 */
const snapshotMark = 0x31
const timelineMark = 0x32
const clockMark = 0x33
const maxTicks = 4096
const maxParents = 64
const maxTags = 256
const maxText = 65_536
/** No encoded snapshot is larger. */
export const maxSnapshotSize: number = 16 * 1024 * 1024

/** Throws `limit` for what {@link decodeSnapshot} would not take back. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array<ArrayBuffer> {
  const writer = new Writer(512)
  if (snapshot.clock.length === 0) writer.u8(snapshot.contents ? snapshotMark : timelineMark)
  else writer.u8(clockMark).u8(snapshot.contents ? 1 : 0)
  const text = (value: string): Writer => {
    const bytes = nameToBytes(value)
    if (bytes.length > maxText) throw tooMuch(`a text of ${bytes.length} bytes`)
    return writer.prefixed(bytes)
  }
  if (snapshot.parents.length > maxParents) throw tooMuch(`${snapshot.parents.length} parents`)
  if (snapshot.tags.length > maxTags) throw tooMuch(`${snapshot.tags.length} tags`)
  if (snapshot.clock.length > maxTicks) throw tooMuch(`a clock of ${snapshot.clock.length} devices`)
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
  if (snapshot.clock.length > 0) writeClock(writer, snapshot.clock)
  return writer.finish()
}

function writeClock(writer: Writer, clock: Clock): void {
  writer.varint(clock.length)
  for (const { device, count, id } of clock) {
    writer
      .raw(fromHex(device)!)
      .varint(count)
      .u8(id === undefined ? 0 : 1)
    if (id !== undefined) writeId(writer, id)
  }
}

function readClock(reader: Reader): Tick[] {
  const ticks: Tick[] = list(
    reader,
    maxTicks,
    () => {
      const device = toHex(reader.take(16))
      const count = reader.varint()
      const mark = reader.u8()
      if (count === 0 || mark > 1) throw reader.fail('bad clock')
      return { device, count, id: mark === 1 ? readId(reader) : undefined }
    },
    (a, b) => (a.device < b.device ? -1 : a.device > b.device ? 1 : 0),
  )
  if (ticks.length === 0 || ticks.filter(({ id }) => id === undefined).length > 1)
    throw reader.fail('bad clock')
  return ticks
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
  if (mark > clockMark && mark < 0x40)
    throw new TidemarkError('unsupported', 'snapshot: made by a newer Tidemark: update this one')
  if (mark < snapshotMark || mark > clockMark) throw reader.fail('not a snapshot')
  const flags = mark === clockMark ? reader.u8() : mark === snapshotMark ? 1 : 0
  if (flags > 1) throw reader.fail('bad flags')
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
  const clock = mark === clockMark ? readClock(reader) : []
  reader.end()
  const about = { folder, device, host, path, time, parents, root, message, tags }
  return { ...about, clock, unreadable, unstable, program, contents: flags === 1 }
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
