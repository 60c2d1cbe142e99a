import { closeSync, openSync, readSync, unlinkSync, writeSync, fstatSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { corrupt, fromSystem, systemCode } from '../../errors.ts'
import { idFromBytes, idOf, idToBytes } from '../../object/id.ts'
import type { Id } from '../../object/id.ts'
import {
  blockRecordSize,
  chunkRecordSize,
  decodeSegmentHeader,
  fanoutSlot,
  packRecordSize,
  segmentHeaderSize,
} from '../../object/segment.ts'
import type { SegmentBlock, SegmentLayout } from '../../object/segment.ts'
import type { Bucket, CallOptions } from '../bucket.ts'
import { DirectoryBucket } from '../directory-bucket.ts'
import { segmentName } from './place.ts'

export interface ChunkRecord {
  /** Its place in the segment's table of chunks. */
  readonly number: number
  readonly block: number
  /** Where the chunk stands in the plain block, and its length. */
  readonly offset: number
  readonly length: number
}

/** What another thread needs to search the same segment. */
export interface SharedSegment {
  readonly id: Id
  readonly layout: SegmentLayout
  readonly fanout: Uint32Array<SharedArrayBuffer>
  /** All of its bytes, if they have been copied: one copy is enough for all threads. */
  readonly copy?: SharedArrayBuffer | undefined
}

export interface SegmentPack {
  readonly id: Id
  readonly size: number
}

/** Packs and blocks that were asked for last: most chunks that are read together are in the same ones. */
const remembered = 2048

/** A segment of up to so many bytes (some 10,000 chunks) is copied: there are many of these, and each look-up goes through all. */
const smallSize = 512 * 1024

/** Records of chunks that are read at once. */
const recordsPerRead = 64

/** One of up to so many bytes (some 180,000 chunks) is, once it has been asked often enough. */
const middleSize = 8 * 1024 * 1024

/** A positional read of a record takes as long as so many bytes of a long read. */
const bytesPerRead = 32 * 1024

/**
 * An index segment, searched where it lies: one positional read a look-up, and in memory only the fan-out
 * table (about a quarter of a byte a chunk). What is small, or of middling size and asked for much, is copied.
 * A segment of a bucket that is not a local directory is first fetched into a nameless temporary file, and
 * checked against its hash.
 */
export class SegmentFile {
  readonly shared: SharedSegment
  readonly superseded: readonly Id[]
  readonly #file: number
  readonly #wanted = new Uint8Array(32)
  /** Some bytes of the file, or all of it. */
  #view: DataView<ArrayBuffer | SharedArrayBuffer> = new DataView(
    new ArrayBuffer(recordsPerRead * chunkRecordSize),
  )
  #copy: SharedArrayBuffer | undefined
  /** Positional reads until now. */
  #reads = 0

  private constructor(shared: SharedSegment, file: number, superseded: readonly Id[]) {
    this.shared = shared
    this.#file = file
    this.superseded = superseded
    if (shared.copy !== undefined) this.#lookInto(shared.copy)
    else if (shared.layout.end <= smallSize) this.#copyAll()
  }

  static async open(bucket: Bucket, id: Id, options?: CallOptions): Promise<SegmentFile> {
    const name = segmentName(id)
    if (bucket instanceof DirectoryBucket) return SegmentFile.#read(id, openLocal(bucket, name))
    const bytes = await bucket.get(name, options)
    if (idOf(bytes) !== id) throw corrupt(name, 'its bytes do not match its name')
    return SegmentFile.#read(id, keepCopy(bytes))
  }

  /** Opens a segment whose bytes are at hand, wherever they are stored. */
  static fromBytes(bytes: Uint8Array): SegmentFile {
    return SegmentFile.#read(idOf(bytes), keepCopy(bytes))
  }

  /** Takes over the descriptor `file`. */
  static #read(id: Id, file: number): SegmentFile {
    const name = segmentName(id)
    try {
      const size = fstatSync(file).size
      const layout = decodeSegmentHeader(readAt(file, 0, Math.min(size, segmentHeaderSize)), size)
      const fanout = new Uint32Array(new SharedArrayBuffer(4 * (2 ** layout.fanoutBits + 1)))
      fillAt(file, layout.fanoutAt, new Uint8Array(fanout.buffer))
      if (fanout.at(-1) !== layout.chunks || !isAscending(fanout))
        throw corrupt(name, 'damaged fan-out table')
      const tail = readAt(file, layout.supersededAt, layout.superseded * 32)
      const superseded = Array.from({ length: layout.superseded }, (_, n) => idFromBytes(tail, n * 32))
      return new SegmentFile({ id, layout, fanout }, file, superseded)
    } catch (error) {
      closeSync(file)
      throw error
    }
  }

  /**
   * The same segment in another thread, with a descriptor of its own, as the first may close it at any time.
   * `root` is the directory of its bucket. Undefined when others have replaced the segment meanwhile: what
   * it said is then elsewhere.
   */
  static attach(shared: SharedSegment, root: string): SegmentFile | undefined {
    try {
      return new SegmentFile(shared, openSync(join(root, segmentName(shared.id)), 'r'), [])
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw fromSystem(error, `open ${segmentName(shared.id)}`)
    }
  }

  /** What other threads need that will ask for much: with a copy, if each would soon make one of its own. */
  share(): SharedSegment {
    if (this.#copy === undefined && this.shared.layout.end <= middleSize) this.#copyAll()
    return { ...this.shared, copy: this.#copy }
  }

  get id(): Id {
    return this.shared.id
  }

  get chunks(): number {
    return this.shared.layout.chunks
  }

  /** Where `id` is, or undefined. Synchronous: a few microseconds. */
  find(id: Id): ChunkRecord | undefined {
    const number = this.indexOf(id)
    if (number < 0) return undefined
    const [view, at] = [this.#view, this.#found]
    return {
      number,
      block: view.getUint32(at + 32, true),
      offset: view.getUint32(at + 36, true),
      length: view.getUint32(at + 40, true),
    }
  }

  /** Where in the view the record that was found last stands. */
  #found = 0
  readonly #blocks = new Map<number, SegmentBlock>()
  readonly #packs = new Map<number, SegmentPack>()

  /** The number of the record of `id` in this segment, or -1. */
  indexOf(id: Id): number {
    const { layout, fanout } = this.shared
    const slot = fanoutSlot(id, layout.fanoutBits)
    let from = fanout[slot]!
    const to = fanout[slot + 1]!
    idToBytes(id, this.#wanted, 0)
    while (from < to) {
      const count = Math.min(to - from, recordsPerRead)
      const first = this.#look(layout.chunksAt + from * chunkRecordSize, count * chunkRecordSize)
      for (let n = 0; n < count; n++) {
        const at = first + n * chunkRecordSize
        const order = this.#compare(at)
        if (order > 0) return -1
        if (order === 0) {
          this.#found = at
          return from + n
        }
      }
      from += count
    }
    return -1
  }

  /** Brings bytes of the file into the view, and returns where they stand there. */
  #look(start: number, length: number): number {
    const { end } = this.shared.layout
    if (this.#copy === undefined && end <= middleSize && ++this.#reads * bytesPerRead > end) this.#copyAll()
    if (this.#copy !== undefined) return start
    fillAt(this.#file, start, new Uint8Array(this.#view.buffer, 0, length))
    return 0
  }

  #copyAll(): void {
    const copy = new SharedArrayBuffer(this.shared.layout.end)
    fillAt(this.#file, 0, new Uint8Array(copy))
    this.#lookInto(copy)
  }

  #lookInto(copy: SharedArrayBuffer): void {
    this.#copy = copy
    this.#view = new DataView(copy)
  }

  #compare(at: number): number {
    for (let i = 0; i < 32; i++) {
      const difference = this.#view.getUint8(at + i) - this.#wanted[i]!
      if (difference !== 0) return difference
    }
    return 0
  }

  block(number: number): SegmentBlock {
    return remember(this.#blocks, number, () => this.#readBlock(number))
  }

  #readBlock(number: number): SegmentBlock {
    const { layout } = this.shared
    if (number >= layout.blocks) throw corrupt('index segment', 'names a block that it does not have')
    const at = this.#look(layout.blocksAt + number * blockRecordSize, blockRecordSize)
    return decodeBlock(this.#view, at)
  }

  pack(number: number): SegmentPack {
    return remember(this.#packs, number, () => this.#readPack(number))
  }

  #readPack(number: number): SegmentPack {
    const { layout } = this.shared
    if (number >= layout.packs) throw corrupt('index segment', 'names a pack that it does not have')
    const at = this.#look(layout.packsAt + number * packRecordSize, packRecordSize)
    const view = this.#view
    return { id: idFromBytes(new Uint8Array(view.buffer), at), size: view.getUint32(at + 32, true) }
  }

  /** All packs and blocks, in order: for work on the whole segment. */
  tables(): { packs: SegmentPack[]; blocks: SegmentBlock[] } {
    const { layout } = this.shared
    const file = this.#file
    const bytes = readAt(file, layout.packsAt, layout.chunksAt - layout.packsAt)
    const view = new DataView(bytes.buffer)
    const packs = Array.from({ length: layout.packs }, (_, n) => ({
      id: idFromBytes(bytes, n * packRecordSize),
      size: view.getUint32(n * packRecordSize + 32, true),
    }))
    const start = layout.packs * packRecordSize
    const blocks = Array.from({ length: layout.blocks }, (_, n) =>
      decodeBlock(view, start + n * blockRecordSize),
    )
    if (blocks.some((block) => block.pack >= packs.length))
      throw corrupt('index segment', 'names a missing pack')
    return { packs, blocks }
  }

  /** Every chunk in ascending order. Ids are made only when asked for. */
  *records(): Generator<ChunkRecord & { id: Id }> {
    const { layout } = this.shared
    const file = this.#file
    const step = 4096
    for (let from = 0; from < layout.chunks; from += step) {
      const count = Math.min(step, layout.chunks - from)
      const bytes = readAt(file, layout.chunksAt + from * chunkRecordSize, count * chunkRecordSize)
      const view = new DataView(bytes.buffer)
      for (let at = 0; at < bytes.length; at += chunkRecordSize) {
        const block = view.getUint32(at + 32, true)
        if (block >= layout.blocks) throw corrupt('index segment', 'names a missing block')
        yield {
          number: from + at / chunkRecordSize,
          id: idFromBytes(bytes, at),
          block,
          offset: view.getUint32(at + 36, true),
          length: view.getUint32(at + 40, true),
        }
      }
    }
  }

  /** Throws `corrupt`, and closes, when a record names what is not there, or records are out of order. */
  check(): void {
    try {
      this.tables()
      let previous = ''
      for (const { id } of this.records()) {
        if (id <= previous) throw corrupt('index segment', 'chunks out of order')
        previous = id
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}

function remember<T>(known: Map<number, T>, number: number, read: () => T): T {
  let value = known.get(number)
  if (value === undefined) {
    value = read()
    if (known.size >= remembered) known.clear()
    known.set(number, value)
  }
  return value
}

function decodeBlock(view: DataView, at: number): SegmentBlock {
  return {
    pack: view.getUint32(at, true),
    offset: view.getUint32(at + 4, true),
    storedLength: view.getUint32(at + 8, true),
    plainLength: view.getUint32(at + 12, true),
    flags: view.getUint32(at + 16, true),
  }
}

function isAscending(numbers: Uint32Array): boolean {
  for (let i = 1; i < numbers.length; i++) if (numbers[i]! < numbers[i - 1]!) return false
  return true
}

function openLocal(bucket: DirectoryBucket, name: string): number {
  try {
    return openSync(join(bucket.root, name), 'r')
  } catch (error) {
    throw fromSystem(error, `open ${name}`)
  }
}

/** A file that has lost its name already, so that nothing is left behind. */
function keepCopy(bytes: Uint8Array): number {
  const path = join(tmpdir(), `tidemark-index-${randomBytes(8).toString('hex')}`)
  const file = openSync(path, 'wx+', 0o600)
  try {
    unlinkSync(path)
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at, at)
    return file
  } catch (error) {
    closeSync(file)
    throw fromSystem(error, 'keep a copy of the index')
  }
}

function readAt(file: number, start: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  fillAt(file, start, bytes)
  return bytes
}

function fillAt(file: number, start: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    const read = readSync(file, bytes, at, bytes.length - at, start + at)
    if (read === 0) throw corrupt('index segment', 'ends early')
    at += read
  }
}
