import type { Id } from '../../object/id.ts'
import { isTidemarkError } from '../../errors.ts'
import { missingChunk, type Store } from '../../store/store.ts'
import type { FileJob } from './file-job.ts'
import { LocalPacks } from './local-packs.ts'
import { NeighbourFile } from './neighbour-file.ts'
import type { OpenedBlock } from './opened-block.ts'
import type { Neighbour, ThreadSources } from './thread-sources.ts'

/**
 * All that a thread which writes files can read by itself. The bytes that `get` resolves with are valid until the
 * next `get`.
 */
export class ThreadContents implements Store {
  readonly #packs: LocalPacks | undefined
  readonly #neighbour: NeighbourFile | undefined
  /** Looked into first. */
  block: OpenedBlock | undefined

  constructor({ packs, neighbour }: ThreadSources) {
    this.#packs = packs && new LocalPacks(packs.root, packs.segments)
    this.#neighbour = neighbour && openNeighbour(neighbour)
  }

  /** The next chunks that are asked for are those of this file. */
  turnTo(job: FileJob): void {
    this.#neighbour?.turnTo(job)
  }

  async get(id: Id): Promise<Uint8Array> {
    const opened = this.block?.get(id)
    if (opened !== undefined) return opened
    if (this.#neighbour === undefined) return this.#ofPacks(id)
    try {
      return await this.#neighbour.get(id)
    } catch (error) {
      if (!isTidemarkError(error, 'missing', 'corrupt')) throw error
      return this.#ofPacks(id)
    }
  }

  async #ofPacks(id: Id): Promise<Uint8Array> {
    if (this.#packs === undefined) throw missingChunk(id, 'not at hand')
    return this.#packs.get(id)
  }

  async has(ids: readonly Id[]): Promise<Set<Id>> {
    const here = (await this.#packs?.has(ids)) ?? new Set<Id>()
    for (const id of ids) if (this.block?.get(id) !== undefined) here.add(id)
    return here
  }

  close(): void {
    this.block?.close()
    this.#packs?.close()
    this.#neighbour?.close()
  }
}

/** Undefined when it is gone: others are asked then. */
function openNeighbour(neighbour: Neighbour): NeighbourFile | undefined {
  try {
    return new NeighbourFile(neighbour)
  } catch (error) {
    if (isTidemarkError(error, 'missing', 'conflict')) return undefined
    throw error
  }
}
