import { displayName, nameToBytes, type Name } from '../bytes/name.ts'
import type { DirectoryEntry, Entry } from '../object/entry.ts'
import type { LeafWalk } from '../object/leaf-walk.ts'
import { joinPath } from './path.ts'

/** What a line of a list looks like. */
export interface LineForm {
  /** What follows a path of a directory, and of anything else, when they are shown as they are. */
  readonly directoryEnd: string
  readonly end: string
  /** Whether paths in which nothing has to be escaped are shown as they are. */
  readonly plain: boolean
  /** All of the line of any other path, its end included. */
  show(path: Name, entry: Entry): Uint8Array
}

/** Pieces are handed out once they have so many bytes. */
const pieceSize = 64 * 1024

const slash = 0x2f
const backslash = 0x5c

/** Gathers the lines of a list of paths, copying names from leaf to list wherever their bytes allow it. */
export class PathLines {
  readonly #form: LineForm
  readonly #end: Uint8Array
  readonly #directoryEnd: Uint8Array
  #bytes = new Uint8Array(2 * pieceSize)
  #length = 0
  #path: Name = ''
  /** What stands before each name, when these bytes may be copied. */
  #prefix: Uint8Array | undefined

  constructor(form: LineForm) {
    this.#form = form
    this.#end = nameToBytes(form.end)
    this.#directoryEnd = nameToBytes(form.directoryEnd)
  }

  get isFull(): boolean {
    return this.#length >= pieceSize
  }

  /** From now on names are those of the directory at `path`. */
  begin(path: Name): void {
    this.#path = path
    const prefix = path === '' ? '' : `${path}/`
    this.#prefix = this.#form.plain && displayName(prefix) === prefix ? nameToBytes(prefix) : undefined
  }

  /** The lines until now. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#bytes = new Uint8Array(2 * pieceSize)
    this.#length = 0
    return taken
  }

  /**
   * Adds the entries of a leaf from the one at hand on, until there are no more or this is full; or with `enter`, until
   * one is a directory that has something in it, which is added and returned.
   */
  add(leaf: LeafWalk, enter: boolean): DirectoryEntry | undefined {
    while (leaf.isAtEntry && !this.isFull) {
      const entry = this.#addOne(leaf, enter)
      leaf.next()
      if (enter && entry?.kind === 'directory' && entry.content !== undefined) return entry
    }
    return undefined
  }

  /** Returns the entry if it had to be decoded. */
  #addOne(leaf: LeafWalk, enter: boolean): Entry | undefined {
    const { bytes, nameStart, nameEnd, isDirectory } = leaf
    const prefix = this.#prefix
    if (prefix === undefined || !isPlainName(bytes, nameStart, nameEnd)) return this.#show(leaf.entry())
    const end = isDirectory ? this.#directoryEnd : this.#end
    this.#reserve(prefix.length + nameEnd - nameStart + end.length)
    this.#copy(prefix, 0, prefix.length)
    this.#copy(bytes, nameStart, nameEnd)
    this.#copy(end, 0, end.length)
    return enter && isDirectory ? leaf.entry() : undefined
  }

  #show(entry: Entry): Entry {
    const line = this.#form.show(joinPath(this.#path, entry.name), entry)
    this.#reserve(line.length)
    this.#bytes.set(line, this.#length)
    this.#length += line.length
    return entry
  }

  #copy(from: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes
    let length = this.#length
    for (let i = start; i < end; i++) bytes[length++] = from[i]!
    this.#length = length
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return
    const larger = new Uint8Array(this.#length + length)
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}

/** True for visible characters of ASCII that are shown as they are; never for what is no name of a file. */
function isPlainName(bytes: Uint8Array, start: number, end: number): boolean {
  const dot = 0x2e
  if (end === start || (end - start <= 2 && bytes[start] === dot)) return false
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte < 0x20 || byte > 0x7e || byte === slash || byte === backslash) return false
  }
  return true
}
