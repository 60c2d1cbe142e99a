import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { looksCompressible } from '../../object/compressible.ts'
import { makeDelta, unpack, zstdLimits, type DeltaKind } from './delta.ts'
import type { Features } from './features.ts'
import { maxBatch, maxChunk, maxPayload } from './limits.ts'

/** An item of a batch: a chunk, the difference to one, or undefined when there is none. */
export type Item =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: DeltaKind; readonly bytes: Uint8Array; readonly length: number }
  | undefined

/** How an item begins. */
const marks = { absent: 0, bytes: 1, deflate: 2, zstd: 3 } as const
const [plainBatch, zstdBatch] = [0, 1]

/** A batch is closed before it outgrows one frame. */
const roomInBatch = maxPayload - 64
/** Smaller items are compressed or not with those beside them. */
const countsAlone = 4096
/** More items are not in one batch. */
export const maxItems = 4096

/**
 * Gathers chunks into messages: small ones together, those that compress apart from those that do not, each as
 * the difference to an older one where that is shorter.
 */
export class BatchWriter {
  readonly #theirs: Features
  readonly #compresses: boolean
  /** Begins with the mark of a plain batch, compressed or not. */
  #writer = newBatch()
  #count = 0
  #isCompressible: boolean | undefined
  readonly #done: Uint8Array[] = []

  constructor(theirs: Features) {
    this.#theirs = theirs
    this.#compresses = theirs.has('zstd') && !theirs.has('plain')
  }

  /**
   * Adds what is to be sent for one wish; `old` is the older chunk that the other side has. Returns whether the
   * difference to that is what is sent.
   */
  add(bytes: Uint8Array | undefined, old?: Uint8Array): boolean {
    if (bytes === undefined) {
      this.#begin(1, undefined)
      this.#writer.u8(marks.absent)
      return false
    }
    const isCompressible = this.#compresses ? looksCompressible(bytes) : false
    const delta = old === undefined ? undefined : this.#delta(bytes, old, isCompressible)
    const sent = delta?.bytes ?? bytes
    const counts = this.#compresses && sent.length >= countsAlone
    this.#begin(sent.length + 20, counts ? delta === undefined && isCompressible : undefined)
    if (delta === undefined) this.#writer.u8(marks.bytes)
    else this.#writer.u8(marks[delta.kind]).varint(bytes.length)
    this.#writer.prefixed(sent)
    return delta !== undefined
  }

  /** The difference, unless the chunk compressed alone is shorter. */
  #delta(bytes: Uint8Array, old: Uint8Array, isCompressible: boolean): ReturnType<typeof makeDelta> {
    const delta = makeDelta(bytes, old, this.#theirs)
    if (delta === undefined || !isCompressible || delta.bytes.length * 8 < bytes.length) return delta
    return delta.bytes.length < compress(bytes).length ? delta : undefined
  }

  /** Makes room for an item, which may want a batch that is compressed, one that is not, or either. */
  #begin(length: number, isCompressible: boolean | undefined): void {
    const isFull = this.#writer.length + length > roomInBatch || this.#count === maxItems
    const differs =
      isCompressible !== undefined &&
      this.#isCompressible !== undefined &&
      this.#isCompressible !== isCompressible
    if (isFull || differs) this.#close()
    this.#isCompressible = isCompressible ?? this.#isCompressible
    this.#count++
  }

  #close(): void {
    if (this.#count === 0) return
    const plain = this.#writer.view()
    const isWorthIt = this.#compresses && this.#isCompressible !== false && plain.length >= 64
    const packed = isWorthIt ? compress(plain) : undefined
    if (packed !== undefined && packed.length < plain.length) {
      this.#done.push(new Writer(packed.length + 8).u8(zstdBatch).varint(plain.length).raw(packed).view())
      this.#writer.reset()
      this.#writer.u8(plainBatch)
    } else {
      this.#done.push(plain)
      this.#writer = newBatch()
    }
    this.#count = 0
    this.#isCompressible = undefined
  }

  /** The messages that are full. */
  full(): Uint8Array[] {
    return this.#done.splice(0)
  }

  /** All that there is. */
  flush(): Uint8Array[] {
    this.#close()
    return this.full()
  }
}

function newBatch(): Writer {
  return new Writer(maxPayload).u8(plainBatch)
}

/** Quick rather than small: whoever sends must keep pace with the link. */
function compress(bytes: Uint8Array): Uint8Array {
  const params = { [constants.ZSTD_c_compressionLevel]: 1 }
  return zstdCompressSync(bytes, { params, chunkSize: bytes.length + 1024 })
}

/** Throws `corrupt`. Memory is bounded by `maxBatch`. */
export function decodeBatch(message: Uint8Array): Item[] {
  const reader = new Reader(message, 'batch')
  const kind = reader.u8()
  if (kind === plainBatch) return readItems(reader)
  if (kind !== zstdBatch) throw reader.fail(`unknown compression ${kind}`)
  const length = reader.varint()
  if (length > maxBatch) throw reader.fail(`a batch of ${length} bytes`)
  const packed = reader.take(reader.remaining)
  const plain = unpack('batch', length, () => zstdDecompressSync(packed, zstdLimits(length)))
  const inner = new Reader(plain, 'batch')
  if (inner.u8() !== plainBatch) throw inner.fail('a batch within a batch')
  return readItems(inner)
}

function readItems(reader: Reader): Item[] {
  const items: Item[] = []
  while (reader.remaining > 0) {
    if (items.length === maxItems) throw reader.fail('too many items')
    items.push(readItem(reader))
  }
  return items
}

function readItem(reader: Reader): Item {
  const mark = reader.u8()
  if (mark === marks.absent) return undefined
  if (mark === marks.bytes) return { kind: 'bytes', bytes: reader.prefixed(maxChunk) }
  if (mark !== marks.deflate && mark !== marks.zstd) throw reader.fail(`unknown item ${mark}`)
  const length = reader.varint()
  if (length > maxChunk) throw reader.fail(`a chunk of ${length} bytes`)
  return { kind: mark === marks.deflate ? 'deflate' : 'zstd', bytes: reader.prefixed(maxChunk), length }
}
