import { closeSync, constants } from 'node:fs'
import type { Name } from '../bytes/name.ts'
import { isTidemarkError, systemCode } from '../errors.ts'
import type { DirectoryEntry } from '../object/entry.ts'
import { idOf, type Id } from '../object/id.ts'
import type { CallOptions } from '../store/bucket.ts'
import { throwIfCancelled } from '../store/call.ts'
import { readFully } from '../store/durable.ts'
import { missingChunk, type Store } from '../store/store.ts'
import { contentItems } from '../tree/content.ts'
import { walkBatches } from '../tree/walk.ts'
import { OpenDirectories } from './apply/open-directories.ts'
import { openDirectory } from './system/directory-handle.ts'
import type { SystemPath } from './system/paths.ts'

const where = 'the working copy'

/**
 * A folder's own files as a source of chunks: a tree of it says which chunk stands where, and each is read
 * there and checked when it is asked for. What has been changed since is `missing`. This is where contents
 * come from when no history of them is kept.
 *
 * The tree is gone through when the first chunk is asked for; about 24 bytes a chunk and 60 a file are kept.
 */
export class WorkingCopyStore implements Store {
  readonly #directories: OpenDirectories
  readonly #store: Store
  readonly #root: DirectoryEntry
  #places: Promise<Places> | undefined

  /** `directory` is the folder's; `root` its last tree, whose pieces and content lists are in `store`. */
  constructor(directory: SystemPath, store: Store, root: DirectoryEntry) {
    this.#directories = new OpenDirectories(openDirectory(directory))
    this.#store = store
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

  async has(ids: readonly Id[], options: CallOptions = {}): Promise<Set<Id>> {
    throwIfCancelled(options.signal, 'look for chunks')
    const places = await this.#load(options)
    return new Set(ids.filter((id) => !places.find(id).next().done))
  }

  close(): void {
    this.#directories.close()
    this.#directories.root.close()
  }

  #load(options: CallOptions): Promise<Places> {
    this.#places ??= this.#survey(options).catch((error: unknown) => {
      this.#places = undefined
      throw error
    })
    return this.#places
  }

  async #survey({ signal }: CallOptions): Promise<Places> {
    const places = new Places()
    let directory: Name | undefined
    for await (const batch of walkBatches(this.#store, this.#root, { signal })) {
      for (const { path, entry } of batch) {
        if (entry.kind !== 'file' || entry.content === undefined || entry.link !== undefined) continue
        const above = path.slice(0, Math.max(0, path.length - entry.name.length - 1))
        if (above !== directory) places.addDirectory((directory = above))
        places.addFile(entry.name)
        if (entry.content.depth === 0) places.addChunk(entry.content.id, 0, entry.size)
        else {
          for await (const { id, start, length } of contentItems(this.#store, entry, { signal })) {
            if (id !== undefined) places.addChunk(id, start, length)
          }
        }
      }
    }
    places.sort()
    return places
  }

  /** Undefined for what is no longer there as the tree says. */
  #read(directory: Name, name: Name, start: number, length: number): Uint8Array | undefined {
    let file
    try {
      file = this.#directories.get(directory).open(name, constants.O_RDONLY)
      const bytes = new Uint8Array(length)
      return readFully(file, bytes, start) === length ? bytes : undefined
    } catch (error) {
      if (!isTidemarkError(error) && systemCode(error) === undefined) throw error
      return undefined
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }
}

interface Place {
  readonly directory: Name
  readonly name: Name
  readonly start: number
  readonly length: number
}

/** Columns, because there may be millions. A chunk is found by the first four bytes of its id. */
class Places {
  readonly #directories: Name[] = []
  readonly #names: Name[] = []
  readonly #directoryOf: number[] = []
  #keys = new Uint32Array(1024)
  #files = new Uint32Array(1024)
  #starts = new Float64Array(1024)
  #lengths = new Uint32Array(1024)
  #order = new Uint32Array(0)
  #count = 0

  addDirectory(path: Name): void {
    this.#directories.push(path)
  }

  addFile(name: Name): void {
    this.#names.push(name)
    this.#directoryOf.push(this.#directories.length - 1)
  }

  /** A chunk of the file added last. */
  addChunk(id: Id, start: number, length: number): void {
    const n = this.#count++
    if (n === this.#keys.length) this.#grow()
    this.#keys[n] = keyOf(id)
    this.#files[n] = this.#names.length - 1
    this.#starts[n] = start
    this.#lengths[n] = length
  }

  #grow(): void {
    const size = 2 * this.#keys.length
    const [keys, files, starts, lengths] = [this.#keys, this.#files, this.#starts, this.#lengths]
    this.#keys = new Uint32Array(size)
    this.#files = new Uint32Array(size)
    this.#starts = new Float64Array(size)
    this.#lengths = new Uint32Array(size)
    this.#keys.set(keys)
    this.#files.set(files)
    this.#starts.set(starts)
    this.#lengths.set(lengths)
  }

  /** Call once, after the last chunk. */
  sort(): void {
    const keys = this.#keys
    this.#order = Uint32Array.from({ length: this.#count }, (_, n) => n).toSorted(
      (a, b) => keys[a]! - keys[b]! || a - b,
    )
  }

  /** Where a chunk with this id may stand; others may be among them. */
  *find(id: Id): Generator<Place, void> {
    const key = keyOf(id)
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#keys[this.#order[middle]!]! < key) low = middle + 1
      else high = middle
    }
    for (; low < this.#count; low++) {
      const n = this.#order[low]!
      if (this.#keys[n] !== key) return
      const file = this.#files[n]!
      const directory = this.#directories[this.#directoryOf[file]!]!
      yield { directory, name: this.#names[file]!, start: this.#starts[n]!, length: this.#lengths[n]! }
    }
  }
}

function keyOf(id: Id): number {
  const [a, b, c, d] = [id.charCodeAt(0), id.charCodeAt(1), id.charCodeAt(2), id.charCodeAt(3)]
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}
