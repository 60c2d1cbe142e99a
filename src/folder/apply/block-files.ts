import { isTidemarkError } from '../../errors.ts'
import type { Id } from '../../object/id.ts'
import type { CallOptions } from '../../store/bucket.ts'
import { contentItems } from '../../tree/content.ts'
import type { ArrivingBlock, ArrivingBlocks } from './arriving-blocks.ts'
import type { FileJob, FileSink, OnResult } from './file-job.ts'
import type { SpareChunks } from './spare-chunks.ts'
import { WaitingBlock, type List } from './waiting-block.ts'
import type { Pending, WritingThreads } from './writing-threads.ts'

/** Blocks that wait for more of their files to be asked for, and their bytes. */
const mostWaiting = 32
const mostBytes = 32 * 1024 * 1024
/** Longer files are written by the calling thread. */
const longest = 1024 * 1024

/**
 * Writes files from blocks that arrive: threads get each with the files that it holds the contents of, open it, and
 * give it back. Of a file whose contents are in two blocks they hand back the bytes; that, long ones, and those that
 * come in no block, go to `otherwise`.
 */
export class BlockFiles implements FileSink {
  readonly #arriving: ArrivingBlocks
  readonly #threads: WritingThreads
  readonly #otherwise: FileSink
  readonly #spare: SpareChunks
  readonly #options: CallOptions
  readonly #waiting = new Map<ArrivingBlock, WaitingBlock>()
  #bytes = 0
  /** In which of these a chunk is: files with equal contents are written from one. */
  readonly #places = new Map<Id, WaitingBlock>()
  /** Files that wait for more than one block. */
  readonly #between = new Set<Promise<void>>()

  /** `otherwise` is that of the threads, and reads from `spare`. */
  constructor(
    arriving: ArrivingBlocks,
    threads: WritingThreads,
    otherwise: FileSink,
    spare: SpareChunks,
    options: CallOptions = {},
  ) {
    this.#arriving = arriving
    this.#threads = threads
    this.#otherwise = otherwise
    this.#spare = spare
    this.#options = options
  }

  submit(job: FileJob, onResult: OnResult): Promise<void> | undefined {
    const { content, size } = job.entry
    if (content === undefined || size > longest || job.check) return this.#otherwise.submit(job, onResult)
    const pending = { job, onResult }
    if (content.depth > 0) return this.#submitSeveral(pending)
    const found = this.#find(content.id)
    if (found instanceof Promise) return found.then((block) => this.#submitOne(content.id, block, pending))
    return this.#submitOne(content.id, found, pending)
  }

  #submitOne(id: Id, block: WaitingBlock | undefined, pending: Pending): Promise<void> | undefined {
    if (block === undefined) return this.#otherwise.submit(pending.job, pending.onResult)
    block.ask(id)
    block.jobs.push(pending)
    return this.#dispatchSome(block)
  }

  async #submitSeveral(pending: Pending): Promise<void> {
    const { job, onResult } = pending
    const contents = await this.#contentsOf(job)
    if (contents === undefined) return this.#otherwise.submit(job, onResult)
    const blocks = new Map<Id, WaitingBlock | undefined>()
    for (const id of contents.chunks) blocks.set(id, await this.#find(id))
    const [first, ...more] = new Set(blocks.values())
    if (first === undefined || more.length > 0) return this.#submitBetween(pending, blocks)
    for (const id of contents.chunks) first.ask(id)
    first.jobs.push(pending)
    first.lists.push(...contents.lists)
    await this.#dispatchSome(first)
  }

  /** Undefined when the lists cannot be read. */
  async #contentsOf({ entry }: FileJob): Promise<{ chunks: Set<Id>; lists: List[] } | undefined> {
    const lists: List[] = []
    const noting = {
      get: async (id: Id, options?: CallOptions) => {
        const bytes = await this.#spare.get(id, options)
        lists.push({ id, bytes })
        return bytes
      },
      has: (ids: readonly Id[], options?: CallOptions) => this.#spare.has(ids, options),
    }
    const chunks = new Set<Id>()
    try {
      for await (const { id } of contentItems(noting, entry, this.#options))
        if (id !== undefined) chunks.add(id)
      return { chunks, lists }
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'corrupt')) return undefined
      throw error
    }
  }

  /** The file is written when all of these blocks have been opened. */
  async #submitBetween(
    { job, onResult }: Pending,
    blocks: ReadonlyMap<Id, WaitingBlock | undefined>,
  ): Promise<void> {
    for (const [id, block] of blocks) block?.keepSpare(id)
    const all = [...new Set(blocks.values())].filter((block) => block !== undefined)
    const written = Promise.all(all.map(({ opened }) => opened.promise)).then(() =>
      this.#otherwise.submit(job, onResult),
    )
    const done = written
      .catch((error: unknown) =>
        this.#threads.fail(error instanceof Error ? error : new Error(String(error))),
      )
      .finally(() => this.#between.delete(done))
    this.#between.add(done)
    for (const block of all) await this.#dispatchSome(block)
  }

  /** The block that a chunk is in, if one is that has not been sent to a thread yet. */
  #find(id: Id): WaitingBlock | undefined | Promise<WaitingBlock | undefined> {
    const known = this.#places.get(id)
    if (known !== undefined) {
      this.#arriving.found(id)
      return known
    }
    const arriving = this.#arriving.take(id)
    return arriving instanceof Promise
      ? arriving.then((block) => block && this.#keep(block, id))
      : arriving && this.#keep(arriving, id)
  }

  #keep(arriving: ArrivingBlock, id: Id): WaitingBlock | undefined {
    // A block of which nothing is left was sent before.
    const { byteLength } = arriving.block.payload
    if (byteLength === 0) return undefined
    let block = this.#waiting.get(arriving)
    if (block === undefined) {
      block = new WaitingBlock(arriving)
      this.#waiting.set(arriving, block)
      this.#bytes += byteLength
      for (const id of block.ids) this.#places.set(id, block)
    }
    return this.#places.get(id) === block ? block : undefined
  }

  /** Sends the block if it is complete, or those that have waited longest if they are too many. */
  async #dispatchSome(block: WaitingBlock): Promise<void> {
    if (block.isComplete) await this.#dispatch(block)
    while (this.#waiting.size > mostWaiting || this.#bytes > mostBytes) {
      const [oldest] = this.#waiting.values()
      await this.#dispatch(oldest!)
    }
  }

  async #dispatch(block: WaitingBlock): Promise<void> {
    const { arriving, jobs, lists, spare } = block
    if (!this.#waiting.delete(arriving)) return
    this.#bytes -= arriving.block.payload.byteLength
    for (const id of block.ids) if (this.#places.get(id) === block) this.#places.delete(id)
    const number = this.#threads.expect((answer) => {
      if (answer.kind !== 'opened') return
      for (const { place, bytes } of answer.spare) this.#spare.put(arriving.chunks[place]!.id, bytes)
      this.#arriving.opened(arriving, answer.payload, answer.damaged)
      block.opened.resolve()
    })
    const packed = this.#threads.pack(jobs)
    await this.#threads.give({ kind: 'block', number, arriving, lists, spare, jobs: packed }, [
      arriving.block.payload.buffer,
    ])
  }

  async drain(): Promise<void> {
    for (const block of this.#waiting.values()) await this.#dispatch(block)
    await this.#threads.drain()
    while (this.#between.size > 0) await Promise.all(this.#between)
    await this.#otherwise.drain()
  }

  async finish(): Promise<void> {
    await this.drain()
    await this.#threads.end()
  }

  async abort(): Promise<void> {
    await this.#threads.abort()
    await this.#otherwise.abort()
  }
}
