import { isTidemarkError } from '../../errors.ts'
import { blockFlags, blockHeaderSize, checkBlockHeader } from '../../object/block.ts'
import type { SealedBlock } from '../../object/sealed-block.ts'
import type { BlockReader, ChunkWish, FilledBlock } from '../block-source.ts'
import type { CallOptions } from '../bucket.ts'
import { ReadAhead } from '../read-ahead.ts'
import type { ChunkLocation } from './chunk-index.ts'
import { packName } from './place.ts'
import type { Repository } from './repository.ts'

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

/** The blocks of a repository as they lie in its packs: those of which at least half is wanted. */
export class StoredBlocks implements BlockReader {
  readonly #repository: Repository
  /** By block: the wishes that wait for it. */
  readonly #waiting = new Map<string, Located[]>()

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
    if (located.place === undefined) return
    const key = keyOf(located.place)
    const others = this.#waiting.get(key)
    if (others === undefined) this.#waiting.set(key, [located])
    else others.push(located)
  }

  /** The block in which a chunk is, with all in it that is waited for; undefined when that is too little. */
  async #fill({ place }: Located, options?: CallOptions): Promise<FilledBlock | undefined> {
    if (place === undefined) return undefined
    const key = keyOf(place)
    const waiting = (this.#waiting.get(key) ?? []).filter(({ answered }) => !answered)
    const chunks = waiting.map(({ wish, place }) => ({
      id: wish.id,
      offset: place!.offset,
      length: place!.length,
    }))
    const wanted = chunks.reduce((sum, { length }) => sum + length, 0)
    const block = 2 * wanted < place.plainLength ? undefined : await this.#read(place, options)
    if (block === undefined) {
      // Only this one: for those that wait more may come.
      this.#waiting.set(key, waiting.slice(1))
      return undefined
    }
    this.#waiting.delete(key)
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
    this.#waiting.clear()
  }
}

function keyOf({ pack, blockOffset }: ChunkLocation): string {
  return `${pack}${blockOffset}`
}
