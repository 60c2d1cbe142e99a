import { closeSync, constants } from 'node:fs'
import type { Name } from '../bytes/name.ts'
import { isTidemarkError, systemCode } from '../errors.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import { idOf, type Id } from '../object/id.ts'
import type { BlockReader, BlockReaderOptions, BlockSource } from '../store/block-source.ts'
import type { CallOptions } from '../store/bucket.ts'
import { throwIfCancelled } from '../store/call.ts'
import { readFully } from '../store/durable.ts'
import { missingChunk, type SearchedStore, type Store } from '../store/store.ts'
import type { ThreadStart } from './blocks/block-thread.ts'
import { WorkingCopyBlocks, type FindPlaces } from './blocks/working-copy-blocks.ts'
import type { ChunkPlace, ChunkPlaces } from './chunk-places.ts'
import { ChunkSurvey } from './chunk-survey.ts'
import { OpenDirectories } from './apply/open-directories.ts'
import { openDirectory } from './system/directory-handle.ts'
import type { SystemPath } from './system/paths.ts'

const where = 'the working copy'

const slabSize = 1024 * 1024

/**
 * A folder's own files as a source of chunks: a tree of it says which chunk stands where, and each is read
 * there and checked when it is asked for. What has been changed since is `missing`. This is where contents
 * come from when no history of them is kept.
 *
 * Nearly always what has just changed is asked for, and that is among what the trees differ in that it has had since
 * the first. For the rest all of the tree is gone through, which takes as long as the tree is large.
 */
export class WorkingCopyStore implements SearchedStore, BlockSource {
  readonly #directory: SystemPath
  readonly #store: Store
  #slab = new Uint8Array(0)
  #directories: OpenDirectories
  #root: DirectoryEntry
  readonly #lately: ChunkSurvey
  #all: ChunkSurvey | undefined
  /** Since the last `rest`. */
  #wasAllUsed = false

  readonly near: Store = {
    get: (id, options) => this.#get(id, false, options),
    has: (ids, options) => this.#has(ids, false, options),
  }

  /** `directory` is the folder's; `root` its last tree, whose pieces and content lists are in `store`. */
  constructor(directory: SystemPath, store: Store, root: DirectoryEntry) {
    this.#directory = directory
    this.#store = store
    this.#root = root
    this.#lately = new ChunkSurvey(store, root)
    this.#directories = new OpenDirectories(openDirectory(directory))
  }

  /** How many entries there are to go through. */
  get count(): number {
    return this.#root.count
  }

  /** From now on this is the folder's last tree. */
  moveOn(root: DirectoryEntry): void {
    // What is open may stand somewhere else now.
    const directories = new OpenDirectories(openDirectory(this.#directory))
    this.close()
    this.#directories = directories
    this.#root = root
  }

  /** Lets go of what going through the tree has told, unless that was of use since the last time. */
  rest(): void {
    if (!this.#wasAllUsed) this.#all = undefined
    this.#wasAllUsed = false
  }

  get(id: Id, options?: CallOptions): Promise<Uint8Array> {
    return this.#get(id, true, options)
  }

  has(ids: readonly Id[], options?: CallOptions): Promise<Set<Id>> {
    return this.#has(ids, true, options)
  }

  async #get(id: Id, goesThrough: boolean, options: CallOptions = {}): Promise<Uint8Array> {
    throwIfCancelled(options.signal, 'read a chunk')
    for (const survey of this.#surveys(goesThrough)) {
      const places = await survey.at(this.#root, options)
      for (const { directory, name, start, length } of places.find(id)) {
        const bytes = this.#read(directory, name, start, length)
        if (bytes === undefined || idOf(bytes) !== id) continue
        this.#wasAllUsed ||= survey === this.#all
        return bytes
      }
    }
    throw missingChunk(id, where)
  }

  /** `isElsewhere`: those that had better be read from somewhere else. */
  blockReader(options: BlockReaderOptions, isElsewhere: (id: Id) => boolean = () => false): BlockReader {
    const start = (): ThreadStart => ({ directory: this.#directory, identity: this.#directories.identity })
    const find: FindPlaces = async (wishes, { isMany, signal }) => {
      const found: (ChunkPlace | undefined)[] = wishes.map(() => undefined)
      let left = wishes.flatMap(({ id, alone }, n) => (alone === true || isElsewhere(id) ? [] : [n]))
      // One that is not found is read by itself, and searched for then.
      for (const survey of this.#surveys(isMany)) {
        if (left.length === 0) break
        const places = await survey.at(this.#root, { signal })
        for (const n of left) found[n] = this.#placeIn(survey, places, wishes[n]!.id)
        left = left.filter((n) => found[n] === undefined)
      }
      return found
    }
    return new WorkingCopyBlocks(start, find, options)
  }

  #placeIn(survey: ChunkSurvey, places: ChunkPlaces, id: Id): ChunkPlace | undefined {
    const place = places.find(id).next().value ?? undefined
    this.#wasAllUsed ||= survey === this.#all && place !== undefined
    return place
  }

  async #has(ids: readonly Id[], goesThrough: boolean, options: CallOptions = {}): Promise<Set<Id>> {
    throwIfCancelled(options.signal, 'look for chunks')
    const found = new Set<Id>()
    for (const survey of this.#surveys(goesThrough)) {
      const places = await survey.at(this.#root, options)
      const before = found.size
      for (const id of ids) if (!found.has(id) && places.has(id)) found.add(id)
      this.#wasAllUsed ||= survey === this.#all && found.size > before
    }
    return found
  }

  /** What is known of places, and is to be known, the cheapest first. */
  *#surveys(goesThrough: boolean): Generator<ChunkSurvey, void> {
    const lately = this.#lately
    yield lately
    if (goesThrough) this.#all ??= new ChunkSurvey(this.#store, undefined)
    if (this.#all !== undefined) yield this.#all
  }

  close(): void {
    this.#directories.close()
    this.#directories.root.close()
  }

  /** Memory of small chunks is cut from larger pieces: one by one they would keep the garbage collector busy. */
  #memory(length: number): Uint8Array<ArrayBuffer> {
    if (length > slabSize / 16) return new Uint8Array(length)
    if (this.#slab.length < length) this.#slab = new Uint8Array(slabSize)
    const bytes = this.#slab.subarray(0, length)
    this.#slab = this.#slab.subarray(length)
    return bytes
  }

  /** Undefined for what is no longer there as the tree says. */
  #read(directory: Name, name: Name, start: number, length: number): Uint8Array | undefined {
    let file
    try {
      file = this.#directories.get(directory).open(name, constants.O_RDONLY)
      const bytes = this.#memory(length)
      return readFully(file, bytes, start) === length ? bytes : undefined
    } catch (error) {
      if (!isTidemarkError(error) && systemCode(error) === undefined) throw error
      return undefined
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }
}
