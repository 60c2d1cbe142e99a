import { isTidemarkError } from '../../errors.ts'
import { blockFlags, blockHeaderSize, checkBlockHeader, encodeChunkTable } from '../../object/block.ts'
import type { SealedBlock } from '../../object/sealed-block.ts'
import type { BlockReader, ChunkInBlock, ChunkWish, FilledBlock } from '../block-source.ts'
import type { CallOptions } from '../bucket.ts'
import { ReadAhead } from '../read-ahead.ts'
import type { ChunkLocation } from './chunk-index.ts'
import { packName } from './place.ts'
import type { Repository } from './repository.ts'

/** Fewer chunks than this come one by one: on a disk that is nearly full a block may be too much. */
const manyWishes = 256
/** So many wishes are looked at before they are seen to. */
const wishesAhead = 4096
/** Answers are handed out when so many bytes have been read for them, or when there are so many. */
const portionBytes = 1024 * 1024
const portionAnswers = 256

/** A wish, and where what it wishes for is, if it may come in a block. */
interface Located {
  readonly wish: ChunkWish
  readonly place: ChunkLocation | undefined
  answered: boolean
}

/** What has been wished for of a block. */
interface WantedBlock {
  /** Wishes that have not been answered, in their order. */
  waiting: Located[]
  /** Of all wishes, answered or not: lengths by where the chunks stand. */
  readonly places: Map<number, number>
}

/** Of so many blocks is remembered what has been wished for. */
const mostBlocks = 4096

/**
 * The blocks of a repository as they lie in its packs: those of which all has been wished for. Whoever asks for some of
 * a block may have no right to the rest: older versions, what another folder holds in the same repository.
 */
export class StoredBlocks implements BlockReader {
  readonly #repository: Repository
  readonly #wanted = new Map<string, WantedBlock>()
  #count = 0

  constructor(repository: Repository) {
    this.#repository = repository
  }

  async *read(
    wishes: AsyncIterable<readonly ChunkWish[]>,
    options?: CallOptions,
  ): AsyncGenerator<readonly (FilledBlock | ChunkWish)[]> {
    await this.#repository.ready(options)
    const ahead = new ReadAhead(this.#locate(wishes), wishesAhead, (located) => this.#note(located))
    try {
      while (await ahead.more()) {
        const answers: (FilledBlock | ChunkWish)[] = []
        for (let bytes = 0; bytes < portionBytes && answers.length < portionAnswers && ahead.waiting > 0;) {
          const located = ahead.take()
          if (located.answered) continue
          const filled = await this.#fill(located, options)
          bytes += filled?.block.payload.length ?? 0
          answers.push(filled ?? located.wish)
        }
        if (answers.length > 0) yield answers
      }
    } finally {
      ahead.close()
    }
  }

  async *#locate(wishes: AsyncIterable<readonly ChunkWish[]>): AsyncGenerator<Located[]> {
    const { index } = this.#repository
    for await (const some of wishes)
      yield some.map((wish) => {
        const place = wish.alone === true ? undefined : index.find(wish.id)
        return { wish, place, answered: false }
      })
  }

  #note(located: Located): void {
    const { place } = located
    this.#count++
    if (place === undefined) return
    const key = keyOf(place)
    let wanted = this.#wanted.get(key)
    if (wanted === undefined) {
      // What has been answered is forgotten: those blocks come chunk by chunk.
      if (this.#wanted.size >= mostBlocks) this.#forget()
      wanted = { waiting: [], places: new Map() }
      this.#wanted.set(key, wanted)
    }
    wanted.waiting.push(located)
    wanted.places.set(place.offset, place.length)
  }

  #forget(): void {
    for (const [key, { waiting }] of this.#wanted) if (waiting.length === 0) this.#wanted.delete(key)
  }

  /** The block in which a chunk is, with all in it that is waited for; undefined when it had better come alone. */
  async #fill(located: Located, options?: CallOptions): Promise<FilledBlock | undefined> {
    const { place } = located
    const wanted = place && this.#wanted.get(keyOf(place))
    if (place === undefined || wanted === undefined) return undefined
    const { waiting } = wanted
    const chunks = waiting.map(({ wish, place }): ChunkInBlock => {
      return { id: wish.id, offset: place!.offset, length: place!.length }
    })
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    const isWorthIt =
      this.#count >= manyWishes && 2 * bytes >= place.plainLength && isAllWanted(wanted, place.plainLength)
    const block = isWorthIt ? await this.#read(place, options) : undefined
    if (block === undefined) {
      // Only this one: for those that wait more may come.
      wanted.waiting = waiting.filter((other) => other !== located)
      return undefined
    }
    this.#wanted.delete(keyOf(place))
    for (const located of waiting) located.answered = true
    return { block, chunks: chunks.toSorted((a, b) => a.offset - b.offset) }
  }

  /** Undefined when it cannot be read: then the chunk may be somewhere else. */
  async #read(place: ChunkLocation, options?: CallOptions): Promise<SealedBlock | undefined> {
    const { flags, storedLength, plainLength, pack, blockOffset } = place
    if ((flags & blockFlags.metadata) !== 0 || !checkBlockHeader(place)) return undefined
    const start = blockOffset + blockHeaderSize
    const range = { start, end: start + storedLength }
    try {
      const payload = await this.#repository.bucket.get(packName(pack), { ...options, range })
      // No bucket gives memory that threads share.
      const own = payload as Uint8Array<ArrayBuffer>
      return own.length === storedLength ? { flags, plainLength, payload: own } : undefined
    } catch (error) {
      if (isTidemarkError(error, 'missing', 'corrupt')) return undefined
      throw error
    }
  }

  async close(): Promise<void> {
    this.#wanted.clear()
  }
}

/** Whether there is nothing in a block but what has been wished for, and the table of that. */
function isAllWanted({ places }: WantedBlock, plainLength: number): boolean {
  const sorted = [...places].toSorted(([a], [b]) => a - b)
  let end = 0
  for (const [offset, length] of sorted) {
    if (offset !== end) return false
    end += length
  }
  return end + encodeChunkTable(sorted.map(([, length]) => length)).length === plainLength
}

function keyOf({ pack, blockOffset }: ChunkLocation): string {
  return `${pack}${blockOffset}`
}
