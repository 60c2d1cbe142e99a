import { closeSync, constants } from 'node:fs'
import { isTidemarkError, systemCode } from '../../errors.ts'
import { idOf, type Id } from '../../object/id.ts'
import { readFully } from '../../store/durable.ts'
import { missingChunk } from '../../store/store.ts'
import { contentItems } from '../../tree/content.ts'
import { openDirectory } from '../system/directory-handle.ts'
import type { FileJob } from './file-job.ts'
import { LocalPacks } from './local-packs.ts'
import { OpenDirectories } from './open-directories.ts'
import type { Neighbour } from './thread-sources.ts'

const where = 'the other working copy'

/**
 * The chunks of a file as it stands at the same path in another working copy, each checked when it is read: whoever
 * changes it meanwhile only makes it `missing`. The bytes that `get` resolves with are valid until the next `get`.
 */
export class NeighbourFile {
  readonly #directories: OpenDirectories
  readonly #lists: LocalPacks
  #job: FileJob | undefined
  #file: number | undefined
  /** Where the chunks of a file of several begin. */
  #starts: Map<Id, { readonly start: number; readonly length: number }> | undefined
  #buffer = new Uint8Array(256 * 1024)

  constructor({ root, lists }: Neighbour) {
    this.#directories = new OpenDirectories(openDirectory(root))
    this.#lists = new LocalPacks(lists.root, lists.segments)
  }

  /** The next chunks that are asked for are those of this file. */
  turnTo(job: FileJob): void {
    this.#leave()
    this.#job = job
  }

  async get(id: Id): Promise<Uint8Array> {
    const job = this.#job
    if (job === undefined) throw missingChunk(id, where)
    const { entry } = job
    if (entry.content?.depth === 0) return this.#read(id, job, 0, entry.size)
    // Its lists are in the repository, and say where the rest stands.
    if (id === entry.content?.id && this.#starts === undefined) await this.#survey(job)
    const place = this.#starts?.get(id)
    return place === undefined ? this.#lists.get(id) : this.#read(id, job, place.start, place.length)
  }

  async #survey({ entry }: FileJob): Promise<void> {
    const starts = new Map<Id, { start: number; length: number }>()
    for await (const { id, start, length } of contentItems(this.#lists, entry))
      if (id !== undefined) starts.set(id, { start, length })
    this.#starts = starts
  }

  #read(id: Id, { directory, entry }: FileJob, start: number, length: number): Uint8Array {
    try {
      this.#file ??= this.#directories.get(directory).open(entry.name, constants.O_RDONLY)
      if (this.#buffer.length < length) this.#buffer = new Uint8Array(length)
      const bytes = this.#buffer.subarray(0, length)
      if (readFully(this.#file, bytes, start) === length && idOf(bytes) === id) return bytes
    } catch (error) {
      if (!isTidemarkError(error) && systemCode(error) === undefined) throw error
    }
    throw missingChunk(id, where)
  }

  #leave(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    this.#starts = undefined
  }

  close(): void {
    this.#leave()
    this.#directories.close()
    this.#directories.root.close()
    this.#lists.close()
  }
}
