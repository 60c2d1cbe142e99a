import { closeSync, constants } from 'node:fs'
import type { Name } from '../bytes/name.ts'
import { isTidemarkError, systemCode } from '../errors.ts'
import type { DirectoryEntry, Entry, FileEntry } from '../object/entry.ts'
import { idOf, type Id } from '../object/id.ts'
import type { BlockReader, BlockReaderOptions, BlockSource } from '../store/block-source.ts'
import type { CallOptions } from '../store/bucket.ts'
import { throwIfCancelled } from '../store/call.ts'
import { readFully } from '../store/durable.ts'
import { missingChunk, type Store } from '../store/store.ts'
import { contentItems, type PlacedItem } from '../tree/content.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { equalContent } from '../tree/equal-entries.ts'
import { directoryOf } from '../tree/path.ts'
import type { ThreadStart } from './blocks/block-thread.ts'
import { WorkingCopyBlocks, type FindPlace } from './blocks/working-copy-blocks.ts'
import { ChunkPlaces } from './chunk-places.ts'
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
 * The tree is gone through when the first chunk is asked for, and of later trees what differs (see `ChunkPlaces`).
 */
export class WorkingCopyStore implements BlockSource {
  readonly #directory: SystemPath
  readonly #store: Store
  #slab = new Uint8Array(0)
  #directories: OpenDirectories
  #root: DirectoryEntry
  #survey: Survey | undefined

  /** `directory` is the folder's; `root` its last tree, whose pieces and content lists are in `store`. */
  constructor(directory: SystemPath, store: Store, root: DirectoryEntry) {
    this.#directory = directory
    this.#store = store
    this.#root = root
    this.#directories = new OpenDirectories(openDirectory(directory))
  }

  /** From now on this is the folder's last tree. */
  moveOn(root: DirectoryEntry): void {
    // What is open may stand somewhere else now.
    const directories = new OpenDirectories(openDirectory(this.#directory))
    this.close()
    this.#directories = directories
    this.#root = root
  }

  async get(id: Id, options: CallOptions = {}): Promise<Uint8Array> {
    throwIfCancelled(options.signal, 'read a chunk')
    const places = await this.#load(options)
    for (const { directory, name, start, length } of places.find(id)) {
      const bytes = this.#read(directory, name, start, length)
      if (bytes !== undefined && idOf(bytes) === id) return bytes
    }
    throw missingChunk(id, where)
  }

  /** `isElsewhere`: those that had better be read from somewhere else. */
  blockReader(options: BlockReaderOptions, isElsewhere: (id: Id) => boolean = () => false): BlockReader {
    const start = (): ThreadStart => ({ directory: this.#directory, identity: this.#directories.identity })
    const find = async (): Promise<FindPlace> => {
      const places = await this.#load({})
      return ({ id }) => (isElsewhere(id) ? undefined : (places.find(id).next().value ?? undefined))
    }
    return new WorkingCopyBlocks(start, find, options)
  }

  async has(ids: readonly Id[], options: CallOptions = {}): Promise<Set<Id>> {
    throwIfCancelled(options.signal, 'look for chunks')
    const places = await this.#load(options)
    return new Set(ids.filter((id) => !places.find(id).next().done))
  }

  close(): void {
    this.#directories.close()
    this.#directories.root.close()
  }

  #load(options: CallOptions): Promise<ChunkPlaces> {
    const [before, root] = [this.#survey, this.#root]
    if (before?.root === root) return before.places
    const places = before === undefined ? this.#surveyAll(root, options) : this.#goOn(before, root, options)
    const survey: Survey = { root, places }
    this.#survey = survey
    places.catch(() => {
      if (this.#survey === survey) this.#survey = undefined
    })
    return places
  }

  /** Takes in what differs; everything again when that does not show, or when much has changed. */
  async #goOn(before: Survey, root: DirectoryEntry, options: CallOptions): Promise<ChunkPlaces> {
    try {
      const places = await before.places
      await this.#takeIn(places, before.root, root, options)
      if (!places.isWorn) return places
    } catch (error) {
      if (!isTidemarkError(error) || options.signal?.aborted === true) throw error
    }
    return this.#surveyAll(root, options)
  }

  async #surveyAll(root: DirectoryEntry, options: CallOptions): Promise<ChunkPlaces> {
    const places = new ChunkPlaces()
    await this.#takeIn(places, undefined, root, options)
    return places
  }

  async #takeIn(
    places: ChunkPlaces,
    from: DirectoryEntry | undefined,
    to: DirectoryEntry,
    { signal }: CallOptions,
  ): Promise<void> {
    for await (const batch of compareTrees(this.#store, from, to, { signal })) {
      for (const { path, before, after } of batch) {
        const [old, now] = [fileOf(before), fileOf(after)]
        if (old !== undefined && now !== undefined && equalContent(old.content, now.content)) continue
        const directory = directoryOf(path)
        if (old !== undefined)
          for await (const { id, start } of this.#chunksOf(old, signal))
            if (id !== undefined) places.remove(id, directory, old.name, start)
        if (now === undefined) continue
        places.enter(directory)
        places.addFile(now.name)
        for await (const { id, start, length } of this.#chunksOf(now, signal))
          if (id !== undefined) places.addChunk(id, start, length)
      }
    }
    places.settle()
  }

  /** Most files have one chunk, and need not be waited for. */
  #chunksOf(
    file: FileEntry,
    signal: AbortSignal | undefined,
  ): AsyncIterable<PlacedItem> | Iterable<PlacedItem> {
    if (file.content?.depth === 0) return [{ id: file.content.id, start: 0, length: file.size }]
    return contentItems(this.#store, file, { signal })
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

/** Where the chunks of a tree stand; known some time later. */
interface Survey {
  readonly root: DirectoryEntry
  readonly places: Promise<ChunkPlaces>
}

function fileOf(entry: Entry | undefined): FileEntry | undefined {
  const isWithContent = entry?.kind === 'file' && entry.content !== undefined && entry.link === undefined
  return isWithContent ? entry : undefined
}
