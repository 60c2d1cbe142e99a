import { Writer } from '../../bytes/writer.ts'
import { looksCompressible } from '../../object/compressible.ts'
import { idLength, writeId } from '../../object/id.ts'
import type { FilledBlock } from '../../store/block-source.ts'
import { compressed } from '../../store/repository/block-payload.ts'
import { marks, maxItems, plainBatch, zstdBatch } from './decode-batch.ts'
import { makeDelta } from './delta.ts'
import type { Features } from './features.ts'
import { maxPayload } from './limits.ts'

/** A batch is closed before it outgrows one frame. */
const roomInBatch = maxPayload - 64
/** Smaller items are compressed or not with those beside them. */
const countsAlone = 4096

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

  /** Adds a block: a batch of its own, which is not compressed once more. */
  addBlock({ block, chunks }: FilledBlock): void {
    const { flags, plainLength, payload } = block
    this.#close()
    const head = new Writer(32).u8(plainBatch).u8(marks.block).u8(flags)
    head.varint(plainLength).varint(payload.length)
    const tail = new Writer(chunks.length * (idLength + 8) + 8).varint(chunks.length)
    for (const { id, offset, length } of chunks) {
      writeId(tail, id)
      tail.varint(offset).varint(length)
    }
    // Unlike that of a writer this memory is not zeroed before it is filled.
    const message = Buffer.allocUnsafeSlow(head.length + payload.length + tail.length)
    message.set(head.view())
    message.set(payload, head.length)
    message.set(tail.view(), head.length + payload.length)
    this.#done.push(message)
  }

  /** The difference, unless the chunk compressed alone is shorter. */
  #delta(bytes: Uint8Array, old: Uint8Array, isCompressible: boolean): ReturnType<typeof makeDelta> {
    const delta = makeDelta(bytes, old, this.#theirs)
    if (delta === undefined || !isCompressible || delta.bytes.length * 8 < bytes.length) return delta
    return delta.bytes.length < compressed(bytes).length ? delta : undefined
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
    const packed = isWorthIt ? compressed(plain) : undefined
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
