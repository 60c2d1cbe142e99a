import { closeSync, constants } from 'node:fs'
import { isTidemarkError, systemCode } from '../../errors.ts'
import { encodeChunkTable } from '../../object/block.ts'
import { looksCompressible } from '../../object/compressible.ts'
import { idOf } from '../../object/id.ts'
import type { SealedBlock } from '../../object/sealed-block.ts'
import { readFully } from '../../store/durable.ts'
import { sealPayload } from '../../store/repository/block-payload.ts'
import type { OpenDirectories } from '../apply/open-directories.ts'
import type { ChunkAt, Placing } from './block-job.ts'

/** What was read, in one or two blocks. */
export interface FilledBlocks {
  readonly blocks: readonly SealedBlock[]
  readonly placing: Placing
}

const noBlock = -1

/** Reads chunks out of files, and makes blocks of them: of those that compress, and of the others. */
export class BlockFiller {
  readonly #directories: OpenDirectories
  readonly #open = [new OpenBlock(), new OpenBlock()]
  #buffer = new Uint8Array(1024 * 1024)

  constructor(directories: OpenDirectories) {
    this.#directories = directories
  }

  read(places: readonly ChunkAt[], compress: boolean): FilledBlocks {
    const placing: Placing = new Int32Array(2 * places.length)
    let [last, kind]: [ChunkAt | undefined, 0 | 1] = [undefined, 0]
    for (const [n, place] of places.entries()) {
      const bytes = this.#chunk(place)
      // The chunks of a file stay together.
      const isOfLast = place.name === last?.name && place.directory === last.directory
      if (bytes !== undefined && !isOfLast) kind = compress && looksCompressible(bytes) ? 1 : 0
      last = place
      placing[2 * n] = bytes === undefined ? noBlock : kind
      if (bytes !== undefined) placing[2 * n + 1] = this.#open[kind]!.add(bytes)
    }
    const blocks: SealedBlock[] = []
    for (const [kind, open] of this.#open.entries()) {
      if (open.isEmpty) continue
      // Where there is but one it is the first.
      if (kind > blocks.length)
        for (let n = 0; n < placing.length; n += 2) if (placing[n] === kind) placing[n] = 0
      blocks.push(open.seal(kind === 1))
    }
    return { blocks, placing }
  }

  /** Valid until the next call. Undefined for what is no longer there. */
  #chunk({ id, directory, name, start, length }: ChunkAt): Uint8Array | undefined {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length)
    const bytes = this.#buffer.subarray(0, length)
    let file
    try {
      file = this.#directories.get(directory).open(name, constants.O_RDONLY)
      // A file may have changed: what it holds now nobody has asked for.
      return readFully(file, bytes, start) === length && idOf(bytes) === id ? bytes : undefined
    } catch (error) {
      if (!isTidemarkError(error) && systemCode(error) === undefined) throw error
      return undefined
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }
}

/** A block that grows. Its memory is used again. */
class OpenBlock {
  #bytes = new Uint8Array(0)
  #length = 0
  #lengths: number[] = []

  get isEmpty(): boolean {
    return this.#lengths.length === 0
  }

  /** Returns where the bytes stand. */
  add(bytes: Uint8Array): number {
    const at = this.#length
    this.#put(bytes)
    this.#lengths.push(bytes.length)
    return at
  }

  #put(bytes: Uint8Array): void {
    const end = this.#length + bytes.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length, 1024 * 1024))
      grown.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = grown
    }
    this.#bytes.set(bytes, this.#length)
    this.#length = end
  }

  /** All that was added, as a block with memory of its own; nothing is in it then. */
  seal(compress: boolean): SealedBlock {
    this.#put(encodeChunkTable(this.#lengths))
    const plain = this.#bytes.subarray(0, this.#length)
    this.#length = 0
    this.#lengths = []
    return sealPayload(plain, compress, 0, ({ flags, plainLength }, payload) => {
      return { flags, plainLength, payload: new Uint8Array(payload) }
    })
  }
}
