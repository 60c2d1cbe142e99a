import { nameInBytes, nameToBytes, type Name } from '../bytes/name.ts'
import type { Id } from '../object/id.ts'

/** Where a chunk stands in a folder. */
export interface ChunkPlace {
  readonly directory: Name
  readonly name: Name
  readonly start: number
  readonly length: number
}

/** So many may be looked through one by one before they are sorted in. */
const maxUnsorted = 1024
/** No chunk is as long: the length of those that are gone. */
const gone = 0xffff_ffff

/**
 * Which chunks stand where in a folder. Columns, because there may be millions: some 24 bytes a chunk, and 8 a file
 * with those of its name. A chunk is found by the first four bytes of its id, so that others may be found with it.
 */
export class ChunkPlaces {
  readonly #directories: Name[] = []
  /** The names of all files, one behind the other, and where each ends. */
  #names = new Uint8Array(4096)
  #nameEnds = new Uint32Array(256)
  #directoryOf = new Uint32Array(256)
  #fileCount = 0
  #keys = new Uint32Array(1024)
  #files = new Uint32Array(1024)
  #starts = new Float64Array(1024)
  #lengths = new Uint32Array(1024)
  /** Of all chunks but those added last, by key. */
  #order = new Uint32Array(0)
  #count = 0
  #gone = 0

  /** The files that are added next are in this directory. */
  enter(path: Name): void {
    if (path !== this.#directories.at(-1)) this.#directories.push(path)
  }

  /** The chunks that are added next are in this file. */
  addFile(name: Name): void {
    const n = this.#fileCount++
    if (n === this.#nameEnds.length) {
      this.#nameEnds = larger(this.#nameEnds, new Uint32Array(2 * n))
      this.#directoryOf = larger(this.#directoryOf, new Uint32Array(2 * n))
    }
    const bytes = nameToBytes(name)
    const start = this.#nameStart(n)
    const end = start + bytes.length
    if (end > this.#names.length) this.#names = larger(this.#names, new Uint8Array(2 * end))
    this.#names.set(bytes, start)
    this.#nameEnds[n] = end
    this.#directoryOf[n] = this.#directories.length - 1
  }

  #nameStart(file: number): number {
    return file === 0 ? 0 : this.#nameEnds[file - 1]!
  }

  addChunk(id: Id, start: number, length: number): void {
    const n = this.#count++
    if (n === this.#keys.length) this.#grow()
    this.#keys[n] = keyOf(id)
    this.#files[n] = this.#fileCount - 1
    this.#starts[n] = start
    this.#lengths[n] = length
  }

  /** The chunk does not stand in this file any more. */
  remove(id: Id, directory: Name, name: Name, start: number): void {
    for (const n of this.#numbers(id)) {
      const place = this.#placeOf(n)
      if (place.start !== start || place.name !== name || place.directory !== directory) continue
      this.#lengths[n] = gone
      this.#gone++
    }
  }

  /** Most of what is kept is of files that are gone: better begun anew. */
  get isWorn(): boolean {
    return this.#gone > maxUnsorted && this.#gone > this.#count / 2
  }

  #grow(): void {
    const size = 2 * this.#keys.length
    this.#keys = larger(this.#keys, new Uint32Array(size))
    this.#files = larger(this.#files, new Uint32Array(size))
    this.#starts = larger(this.#starts, new Float64Array(size))
    this.#lengths = larger(this.#lengths, new Uint32Array(size))
  }

  /** Sorts in what has been added, if that is much. */
  #settle(): void {
    const [keys, order] = [this.#keys, this.#order]
    const added = this.#count - order.length
    if (added <= maxUnsorted) return
    const next = Uint32Array.from({ length: added }, (_, n) => order.length + n).toSorted(
      (a, b) => keys[a]! - keys[b]! || a - b,
    )
    const merged = new Uint32Array(this.#count)
    for (let n = 0, a = 0, b = 0; n < merged.length; n++) {
      const isOld = b === added || (a < order.length && keys[order[a]!]! <= keys[next[b]!]!)
      merged[n] = isOld ? order[a++]! : next[b++]!
    }
    this.#order = merged
  }

  /** Where a chunk with this id may stand; others may be among them. */
  *find(id: Id): Generator<ChunkPlace, void> {
    for (const n of this.#numbers(id)) yield this.#placeOf(n)
  }

  /** Whether it may stand somewhere: `find` would tell of something. */
  has(id: Id): boolean {
    return this.#numbers(id).next().done !== true
  }

  #placeOf(n: number): ChunkPlace {
    const file = this.#files[n]!
    const directory = this.#directories[this.#directoryOf[file]!]!
    const name = nameInBytes(this.#names, this.#nameStart(file), this.#nameEnds[file]!)
    return { directory, name, start: this.#starts[n]!, length: this.#lengths[n]! }
  }

  *#numbers(id: Id): Generator<number, void> {
    this.#settle()
    const [keys, order, key] = [this.#keys, this.#order, keyOf(id)]
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (keys[order[middle]!]! < key) low = middle + 1
      else high = middle
    }
    for (; low < order.length && keys[order[low]!] === key; low++)
      if (this.#lengths[order[low]!] !== gone) yield order[low]!
    for (let n = order.length; n < this.#count; n++)
      if (this.#keys[n] === key && this.#lengths[n] !== gone) yield n
  }
}

function larger<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}

function keyOf(id: Id): number {
  const [a, b, c, d] = [id.charCodeAt(0), id.charCodeAt(1), id.charCodeAt(2), id.charCodeAt(3)]
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}
