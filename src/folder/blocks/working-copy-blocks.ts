import type {
  BlockReader,
  BlockReaderOptions,
  ChunkInBlock,
  ChunkWish,
  FilledBlock,
} from '../../store/block-source.ts'
import type { CallOptions } from '../../store/bucket.ts'
import { throwIfCancelled } from '../../store/call.ts'
import { ReadAhead } from '../../store/read-ahead.ts'
import type { ChunkPlace } from '../chunk-places.ts'
import { placeAt } from './block-job.ts'
import { BlockThreads } from './block-threads.ts'
import type { ThreadStart } from './block-thread.ts'

/** So many wishes are looked at before they are seen to. */
const wishesAhead = 4096
/** What is read at a time: so many bytes, or chunks. */
const portionBytes = 768 * 1024
const portionChunks = 256
/** Fewer chunks or bytes than this are read one by one: threads take a tenth of a second to start. */
const manyChunks = 512
const manyBytes = 8 * 1024 * 1024

type Answers = readonly (FilledBlock | ChunkWish)[]

/**
 * Where chunks are likely to stand; undefined for those that had better be read by themselves. `isMany`: so many have been
 * wished for that a search pays.
 */
export type FindPlaces = (
  wishes: readonly ChunkWish[],
  options: CallOptions & { readonly isMany: boolean },
) => Promise<readonly (ChunkPlace | undefined)[]>

interface Placed {
  readonly wish: ChunkWish
  readonly place: ChunkPlace | undefined
}

/** Makes blocks of chunks that stand in the files of a folder. */
export class WorkingCopyBlocks implements BlockReader {
  readonly #start: () => ThreadStart
  readonly #find: FindPlaces
  readonly #compress: () => boolean
  #threads: BlockThreads | undefined
  #chunks = 0
  #bytes = 0

  constructor(start: () => ThreadStart, find: FindPlaces, { compress }: BlockReaderOptions) {
    this.#start = start
    this.#find = find
    this.#compress = compress
  }

  async *read(
    wishes: AsyncIterable<readonly ChunkWish[]>,
    { signal }: CallOptions = {},
  ): AsyncGenerator<Answers> {
    const ahead = new ReadAhead(this.#locate(wishes, signal), wishesAhead)
    const coming: Promise<Answers>[] = []
    try {
      for (;;) {
        throwIfCancelled(signal, 'read chunks')
        const most = this.#threads?.atOnce ?? 1
        // A small portion is only read when there is nothing else to do.
        while (coming.length < most && ahead.waiting >= (coming.length === 0 ? 1 : portionChunks)) {
          const answers = this.#portion(ahead)
          answers.catch(() => undefined)
          coming.push(answers)
        }
        const first = coming.shift()
        if (first !== undefined) yield await first
        else if (!(await ahead.more())) return
      }
    } finally {
      ahead.close()
      await Promise.allSettled(coming)
    }
  }

  async *#locate(
    wishes: AsyncIterable<readonly ChunkWish[]>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Placed[]> {
    let count = 0
    for await (const some of wishes) {
      count += some.length
      const places = await this.#find(some, { isMany: count >= manyChunks, signal })
      yield some.map((wish, n) => ({ wish, place: places[n] }))
    }
  }

  #portion(ahead: ReadAhead<Placed>): Promise<Answers> {
    const portion: Placed[] = []
    for (let bytes = 0; bytes < portionBytes && portion.length < portionChunks && ahead.waiting > 0;) {
      const placed = ahead.take()
      portion.push(placed)
      bytes += placed.place?.length ?? 0
      this.#bytes += placed.place?.length ?? 0
    }
    this.#chunks += portion.length
    return this.#answer(portion)
  }

  async #answer(portion: readonly Placed[]): Promise<Answers> {
    if (this.#chunks < manyChunks && this.#bytes < manyBytes) return portion.map(({ wish }) => wish)
    this.#threads ??= new BlockThreads(this.#start())
    const found = portion.filter(({ place }) => place !== undefined)
    const { blocks, placing } = await this.#threads.fill(
      found.map(({ wish, place }) => ({ ...place!, id: wish.id })),
      this.#compress(),
    )
    const chunks: ChunkInBlock[][] = blocks.map(() => [])
    const read = new Set<Placed>()
    for (const [n, placed] of found.entries()) {
      const { block, offset } = placeAt(placing, n)
      if (block < 0) continue
      chunks[block]!.push({ id: placed.wish.id, offset, length: placed.place!.length })
      read.add(placed)
    }
    // First the blocks: then what is left is answered in its order.
    const missed = portion.filter((placed) => !read.has(placed))
    return [...blocks.map((block, n) => ({ block, chunks: chunks[n]! })), ...missed.map(({ wish }) => wish)]
  }

  async close(): Promise<void> {
    await this.#threads?.close()
  }
}
