import { randomInt } from 'node:crypto'
import type { Name } from '../../bytes/name.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import type { Entry } from '../../object/entry.ts'
import { decodeEntry, encodeEntry } from '../../object/entry-codec.ts'
import type { FileStat } from '../system/file-stat.ts'
import { isRoundedTime } from '../system/rounded-time.ts'
import { settlingNs, tick } from '../system/settling.ts'

/** What something showed once it was in its place. */
export type PlacedStat = Pick<FileStat, 'ino' | 'ctimeNs' | 'mtimeNs' | 'size' | 'mode' | 'uid' | 'gid'>

/** What it shows is not all that its entry says: then that follows. The root has no name, which must be foreseen. */
const [differs, isRoot] = [1, 2]
/** Nothing longer is noted; such a file is read. */
const longest = 65_536
/** More steps than honest names ever take to find a slot: beyond it nothing is noted. */
const mostSteps = 64
/** Records lie in pieces that are at most so large, and are told by where they begin: piece and place in it. */
const [pieceBits, firstBits] = [18, 14]
const mostPieces = 2 ** (32 - pieceBits) - 1

/**
 * Entries that were given to a directory just now, with what each showed then: a scan that meets one which still
 * shows that takes the entry as it is, and reads nothing. That holds for all it says, also for what the system
 * would not take (an owner, a time to the nanosecond).
 *
 * About 30 bytes an entry and those of its encoding, of a file with a short name some 65. What is not noted, for
 * whatever reason, is only read.
 */
export class PlacedEntries {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = []
  /** Where the next record begins in the last piece. */
  #end = 0
  readonly #directories = new Map<Name, number>()
  /** By hash, with open addressing: a record's place plus 1. */
  #table = new Uint32Array(256)
  readonly #seed = randomInt(2 ** 32)
  readonly #writer = new Writer(256)
  #size = 0
  #last = { mtimeNs: 0n, ctimeNs: 0n }

  /** How many there are. */
  get size(): number {
    return this.#size
  }

  /**
   * Notes that `entry` was put into `directory` (the root: '' in '') and shows `stat` now. `isWhole` says that the
   * system took all of it.
   */
  note(directory: Name, entry: Entry, stat: PlacedStat, isWhole: boolean): void {
    if (!isTelling(entry, stat, isWhole)) return
    const number = this.#numberOf(directory)
    const hash = this.#hash(number, entry.name)
    const slot = this.#slot(hash, number, entry.name)
    if (slot === undefined) return
    const place = this.#append(hash, number, entry, stat)
    if (place === undefined) return
    if (this.#table[slot] === 0) this.#size++
    this.#table[slot] = place + 1
    if (stat.ctimeNs > this.#last.ctimeNs) this.#last = { mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs }
    if (this.#size > this.#table.length / 2) this.#grow()
  }

  /** The entry that was put there, if what is there now still shows just what it showed then. */
  find(directory: Name, name: Name, stat: FileStat): Entry | undefined {
    const record = this.#record(directory, name)
    if (record === undefined) return undefined
    const { entry, shown } = record
    const isSame =
      shown.ino === stat.ino &&
      shown.ctimeNs === stat.ctimeNs &&
      shown.mtimeNs === stat.mtimeNs &&
      isOfKind(entry, stat) &&
      (entry.kind !== 'file' || entry.size === stat.size) &&
      (entry.kind === 'symlink' || shown.mode === stat.mode) &&
      shown.uid === stat.uid &&
      shown.gid === stat.gid
    return isSame ? entry : undefined
  }

  /** Whether something was put there, whatever is there now. */
  has(directory: Name, name: Name): boolean {
    return this.#record(directory, name) !== undefined
  }

  /** Something got or lost another name: if it showed `before` up to then, it is what was put there still. */
  renew(directory: Name, name: Name, before: FileStat, stat: PlacedStat): void {
    const entry = this.find(directory, name, before)
    // Whether the system took all of it was asked when it was first noted.
    if (entry !== undefined) this.note(directory, entry, stat, false)
  }

  /** Milliseconds until nothing that was noted can change again and show the same. */
  settlingMs(nowMs: number): number {
    return Math.ceil(Number(settlingNs(this.#last, BigInt(nowMs) * 1_000_000n, tick)) / 1e6)
  }

  #numberOf(directory: Name): number {
    const known = this.#directories.get(directory)
    if (known !== undefined) return known
    const number = this.#directories.size
    this.#directories.set(directory, number)
    return number
  }

  #record(directory: Name, name: Name): { entry: Entry; shown: PlacedStat } | undefined {
    const number = this.#directories.get(directory)
    if (number === undefined) return undefined
    const slot = this.#slot(this.#hash(number, name), number, name)
    const place = slot === undefined ? 0 : this.#table[slot]!
    return place === 0 ? undefined : readRecord(this.#reader(place - 1))
  }

  /** FNV-1a, with a beginning that nobody can foresee. */
  #hash(directory: number, name: Name): number {
    let hash = this.#seed ^ Math.imul(directory, 0x9e3779b1)
    for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
    return (hash ^ (hash >>> 15)) >>> 0
  }

  /** Where the record of that name is, or would be; undefined when there are too many like it. */
  #slot(hash: number, directory: number, name: Name): number | undefined {
    const mask = this.#table.length - 1
    for (let step = 0, slot = hash & mask; step < mostSteps; step++, slot = (slot + 1) & mask) {
      const place = this.#table[slot]!
      if (place === 0) return slot
      const reader = this.#reader(place - 1)
      if (reader.u32() !== hash || reader.varint() !== directory) continue
      if (readRecord(this.#reader(place - 1)).entry.name === name) return slot
    }
    return undefined
  }

  #reader(place: number): Reader {
    const reader = new Reader(this.#pieces[place >>> pieceBits]!, 'placed entries')
    reader.offset = place & (2 ** pieceBits - 1)
    return reader
  }

  #append(hash: number, directory: number, entry: Entry, stat: PlacedStat): number | undefined {
    const isOther = entry.mode !== stat.mode || entry.uid !== stat.uid || entry.gid !== stat.gid
    const flags = (isOther || entry.mtimeNs !== stat.mtimeNs ? differs : 0) | (entry.name === '' ? isRoot : 0)
    const writer = this.#writer
    writer.reset()
    writer.u32(hash).varint(directory).u8(flags)
    writer.i64(BigInt.asIntN(64, stat.ino)).i64(stat.ctimeNs)
    if ((flags & differs) > 0) writer.i64(stat.mtimeNs).varint(stat.mode).varint(stat.uid).varint(stat.gid)
    encodeEntry(writer, entry)
    const bytes = writer.view()
    if (bytes.length > longest) return undefined
    let last = this.#pieces.at(-1)
    if (last === undefined || this.#end + bytes.length > last.length) {
      if (this.#pieces.length === mostPieces) return undefined
      const bits = Math.max(Math.min(firstBits + this.#pieces.length, pieceBits), lengthBits(bytes.length))
      last = new Uint8Array(2 ** bits)
      this.#pieces.push(last)
      this.#end = 0
    }
    const start = this.#end
    last.set(bytes, start)
    this.#end += bytes.length
    return (this.#pieces.length - 1) * 2 ** pieceBits + start
  }

  #grow(): void {
    const places = this.#table.filter((place) => place !== 0)
    this.#table = new Uint32Array(2 * this.#table.length)
    const mask = this.#table.length - 1
    for (const place of places) {
      let slot = this.#reader(place - 1).u32() & mask
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask
      this.#table[slot] = place
    }
  }
}

function lengthBits(length: number): number {
  return Math.ceil(Math.log2(length))
}

function readRecord(reader: Reader): { entry: Entry; shown: PlacedStat } {
  reader.u32()
  reader.varint()
  const flags = reader.u8()
  const ino = BigInt.asUintN(64, reader.i64())
  const ctimeNs = reader.i64()
  const own =
    (flags & differs) > 0
      ? { mtimeNs: reader.i64(), mode: reader.varint(), uid: reader.varint(), gid: reader.varint() }
      : undefined
  const entry = decodeEntry(reader, (flags & isRoot) > 0)
  const { mtimeNs, mode, uid, gid } = own ?? entry
  const size = entry.kind === 'file' ? entry.size : 0
  return { entry, shown: { ino, ctimeNs, mtimeNs, size, mode, uid, gid } }
}

/**
 * Whether `stat` can have been left by the one who gave `entry`, and any change after it shows. A write sets the
 * time of the contents to that of its moment, so a time that is given has to be well away from that.
 */
function isTelling(entry: Entry, stat: PlacedStat, isWhole: boolean): boolean {
  const away = stat.ctimeNs > stat.mtimeNs ? stat.ctimeNs - stat.mtimeNs : stat.mtimeNs - stat.ctimeNs
  const isCoarse = stat.ctimeNs % 1_000_000_000n === 0n
  return (
    (entry.kind !== 'file' || (entry.size === stat.size && !entry.unstable)) &&
    !entry.unreadable &&
    away >= (isCoarse ? 2_000_000_000n : tick) &&
    isRoundedTime(entry.mtimeNs, stat.mtimeNs) &&
    (!isWhole ||
      (entry.uid === stat.uid &&
        entry.gid === stat.gid &&
        (entry.kind === 'symlink' || entry.mode === stat.mode)))
  )
}

function isOfKind({ kind }: Entry, stat: FileStat): boolean {
  if (stat.kind === 'character' || stat.kind === 'block') return kind === `${stat.kind}-device`
  return kind === stat.kind
}
