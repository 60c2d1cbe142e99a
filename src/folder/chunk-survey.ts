import { isTidemarkError } from '../errors.ts'
import type { DirectoryEntry, Entry, FileEntry } from '../object/entry.ts'
import type { CallOptions } from '../store/bucket.ts'
import type { Store } from '../store/store.ts'
import type { Difference } from '../tree/compare-directories.ts'
import { compareTrees } from '../tree/compare-trees.ts'
import { contentItems, type PlacedItem } from '../tree/content.ts'
import { equalContent } from '../tree/equal-entries.ts'
import { directoryOf } from '../tree/path.ts'
import { ChunkPlaces } from './chunk-places.ts'

/** Where more than this differs, or comes as one directory, something was copied or moved rather than changed. */
const mostChanges = 10_000

/**
 * Where the chunks of a folder's trees stand: of all of them, or of those alone that came after a first tree. When the
 * next tree is asked for, only what differs is read; where only what came after is wanted, nothing that came in masses.
 */
export class ChunkSurvey {
  readonly #store: Store
  readonly #isWhole: boolean
  /** The tree that the places are of; undefined: none yet. */
  #root: DirectoryEntry | undefined
  #places: Promise<ChunkPlaces> = Promise.resolve(new ChunkPlaces())

  /** `after`: what is in this tree is not wanted. `store` has the pieces of all trees. */
  constructor(store: Store, after: DirectoryEntry | undefined) {
    this.#store = store
    this.#isWhole = after === undefined
    this.#root = after
  }

  /** The places in the tree `root`, from now on until it is asked for another. */
  at(root: DirectoryEntry, options: CallOptions): Promise<ChunkPlaces> {
    if (this.#root === root) return this.#places
    const places = this.#goOn(this.#places, this.#root, root, options)
    this.#root = root
    this.#places = places
    places.catch(() => {
      if (this.#places === places) this.#begin(this.#isWhole ? undefined : root)
    })
    return places
  }

  #begin(root: DirectoryEntry | undefined): void {
    this.#root = root
    this.#places = Promise.resolve(new ChunkPlaces())
  }

  /** Takes in what differs; begins anew when that does not show, or when much has changed. */
  async #goOn(
    before: Promise<ChunkPlaces>,
    from: DirectoryEntry | undefined,
    to: DirectoryEntry,
    options: CallOptions,
  ): Promise<ChunkPlaces> {
    try {
      const places = await before
      const isAllIn = await this.#takeIn(places, from, to, options)
      if (isAllIn && !places.isWorn) return places
    } catch (error) {
      if (from === undefined || !isTidemarkError(error) || options.signal?.aborted === true) throw error
    }
    const places = new ChunkPlaces()
    if (this.#isWhole) await this.#takeIn(places, undefined, to, options)
    return places
  }

  async #takeIn(
    places: ChunkPlaces,
    from: DirectoryEntry | undefined,
    to: DirectoryEntry,
    { signal }: CallOptions,
  ): Promise<boolean> {
    let left = this.#isWhole ? Infinity : mostChanges
    const enter = ({ before, after }: Difference): boolean =>
      (before !== undefined && after !== undefined) || countOf(before ?? after) <= left
    for await (const batch of compareTrees(this.#store, from, to, { signal, enter })) {
      if (left < 0) return false
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
      left -= batch.length
    }
    return left >= 0
  }

  /** Most files have one chunk, and need not be waited for. */
  #chunksOf(
    file: FileEntry,
    signal: AbortSignal | undefined,
  ): AsyncIterable<PlacedItem> | Iterable<PlacedItem> {
    if (file.content?.depth === 0) return [{ id: file.content.id, start: 0, length: file.size }]
    return contentItems(this.#store, file, { signal })
  }
}

function countOf(entry: Entry | undefined): number {
  return entry?.kind === 'directory' ? entry.count : 0
}

function fileOf(entry: Entry | undefined): FileEntry | undefined {
  const isWithContent = entry?.kind === 'file' && entry.content !== undefined && entry.link === undefined
  return isWithContent ? entry : undefined
}
