import { randomBytes } from 'node:crypto'
import { blockFlags, blockHeaderSize, encodeBlockHeader, encodeChunkTable } from '../../object/block.ts'
import type { BlockHeader } from '../../object/block.ts'
import { looksCompressible } from '../../object/compressible.ts'
import type { Id } from '../../object/id.ts'
import { encodePackFooter, encodePackHeader, packId } from '../../object/pack.ts'
import type { PackChunk } from '../../object/pack.ts'
import type { SealedBlock } from '../../object/sealed-block.ts'
import type { Bucket } from '../bucket.ts'
import { sealPayload } from './block-payload.ts'
import { openSink } from './pack-sink.ts'
import type { PackSink } from './pack-sink.ts'

/** A pack that is durable in the bucket. */
export interface FinishedPack {
  readonly id: Id
  readonly size: number
  /** Footer and trailer, as stored. */
  readonly end: Uint8Array<ArrayBuffer>
}

export interface PackWriterOptions {
  /** True when the chunks are lists and trees. */
  readonly metadata: boolean
  /** Called once for each pack, after it is durable. */
  readonly onPack: (pack: FinishedPack) => void
  /** Packs are closed before they grow beyond this many bytes; only one block alone may make one larger. */
  readonly size?: number | undefined
}

export const packSize: number = 16 * 1024 * 1024
/** Small chunks share blocks of about this size; one of `large` bytes or more that compresses has its own. */
const blockSize = 512 * 1024
const large = 128 * 1024
/** Large chunks that do not compress share blocks of up to this size: each can be read without the others. */
const rawBlockSize = 4 * 1024 * 1024
/** So that the footer of a block of tiny chunks stays small as well. */
const mostInBlock = 8192
/** What a footer needs for a block and for a chunk at most. */
const blockCost = 24
const chunkCost = 38

/**
 * Collects chunks into blocks and blocks into packs, and puts full packs into the bucket: one is made durable
 * while the next is filled. The caller sees to it that no chunk is added twice, and calls `flush` at the end.
 */
export class PackWriter {
  readonly #bucket: Bucket
  readonly #options: PackWriterOptions
  readonly #size: number
  readonly #flags: number
  #sink: PackSink | undefined
  #header = new Uint8Array(0)
  #blocks: (BlockHeader & { chunks: PackChunk[] })[] = []
  #footerCost = 64
  #sending: Promise<void> = Promise.resolve()
  readonly #compressed = new OpenBlock(blockSize)
  readonly #raw = new OpenBlock(blockSize)
  readonly #largeRaw = new OpenBlock(rawBlockSize)

  constructor(bucket: Bucket, options: PackWriterOptions) {
    this.#bucket = bucket
    this.#options = options
    this.#size = options.size ?? packSize
    this.#flags = options.metadata ? blockFlags.metadata : 0
  }

  /** Takes a copy of `bytes`. When it returns a promise, await it before adding more. */
  add(id: Id, bytes: Uint8Array): Promise<void> | undefined {
    const compress = this.#options.metadata || looksCompressible(bytes)
    const isLarge = bytes.length >= large
    if (isLarge && (compress || bytes.length > rawBlockSize / 2)) return this.#addAlone(id, bytes, compress)
    const open = compress ? this.#compressed : isLarge ? this.#largeRaw : this.#raw
    const full = open.length + bytes.length > open.size || open.count === mostInBlock
    const wait = full ? this.#close(open, compress) : undefined
    open.add(id, bytes)
    return wait
  }

  /** Takes a block as it is, with `chunks` in it in this order. As with `add`. */
  addBlock(
    { flags, plainLength, payload }: SealedBlock,
    chunks: readonly PackChunk[],
  ): Promise<void> | undefined {
    const lengths = chunks.map(({ id, length }) => ({ id, length }))
    return this.#append({ flags, storedLength: payload.length, plainLength }, lengths, [payload])
  }

  #addAlone(id: Id, bytes: Uint8Array, compress: boolean): Promise<void> | undefined {
    const chunks = [{ id, length: bytes.length }]
    const table = encodeChunkTable([bytes.length])
    if (compress) {
      const plain = new Uint8Array(bytes.length + table.length)
      plain.set(bytes)
      plain.set(table, bytes.length)
      return sealPayload(plain, true, this.#flags, (header, payload) =>
        this.#append(header, chunks, [payload]),
      )
    }
    const length = bytes.length + table.length
    const header = { flags: this.#flags, storedLength: length, plainLength: length }
    return this.#append(header, chunks, [bytes, table])
  }

  #close(open: OpenBlock, compress: boolean): Promise<void> | undefined {
    const { plain, chunks } = open.finish()
    return sealPayload(plain, compress, this.#flags, (header, payload) =>
      this.#append(header, chunks, [payload]),
    )
  }

  #append(header: BlockHeader, chunks: PackChunk[], parts: readonly Uint8Array[]): Promise<void> | undefined {
    const cost = blockCost + chunkCost * chunks.length
    const needed = blockHeaderSize + header.storedLength
    const full = this.#sink !== undefined && this.#sink.length + needed + this.#footerCost + cost > this.#size
    const wait = full ? this.#send() : undefined
    if (this.#sink === undefined) {
      this.#sink = openSink(this.#bucket)
      this.#header = encodePackHeader(randomBytes(16))
      this.#sink.write([this.#header])
    }
    this.#sink.write([encodeBlockHeader(header), ...parts])
    this.#blocks.push({ ...header, chunks })
    this.#footerCost += cost
    return wait
  }

  /** Completes the pack; resolves when the one before it is durable, so that no more than two are open. */
  #send(): Promise<void> {
    const sink = this.#sink!
    const end = encodePackFooter(this.#blocks)
    sink.write([end])
    const id = packId(this.#header, end)
    const before = this.#sending
    const send = async (): Promise<void> => {
      await before
      await sink.finish(id)
      this.#options.onPack({ id, size: sink.length, end })
    }
    this.#sending = send()
    // A failure is reported by the next wait, which every path comes to.
    this.#sending.catch(() => {})
    this.#sink = undefined
    this.#blocks = []
    this.#footerCost = 64
    return before
  }

  /** Gives up the pack that is not complete, with all in it. */
  abort(): void {
    this.#sink?.abort()
    this.#sink = undefined
  }

  /** Resolves when everything added so far is durable. */
  async flush(): Promise<void> {
    for (const [open, compress] of [
      [this.#compressed, true],
      [this.#raw, false],
      [this.#largeRaw, false],
    ] as const) {
      if (open.count > 0) await this.#close(open, compress)
    }
    if (this.#sink !== undefined) await this.#send()
    await this.#sending
  }
}

/** Chunks that wait for their block to be full. */
class OpenBlock {
  readonly size: number
  #bytes = new Uint8Array(0)
  #chunks: PackChunk[] = []
  length = 0

  constructor(size: number) {
    this.size = size
  }

  get count(): number {
    return this.#chunks.length
  }

  add(id: Id, bytes: Uint8Array): void {
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.size + 65_536)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
    this.#chunks.push({ id, length: bytes.length })
  }

  /** The plain payload, valid until the next `add`. */
  finish(): { plain: Uint8Array; chunks: PackChunk[] } {
    const chunks = this.#chunks
    const table = encodeChunkTable(chunks.map((chunk) => chunk.length))
    const end = this.length + table.length
    this.#bytes.set(table, this.length)
    this.#chunks = []
    this.length = 0
    return { plain: this.#bytes.subarray(0, end), chunks }
  }
}
