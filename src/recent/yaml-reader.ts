import { nameFromBytes, nameInBytes, type Name } from '../bytes/name.ts'
import { corrupt, TidemarkError } from '../errors.ts'
import { eventOf, eventOfMap, fail } from './event-reader.ts'
import type { RecentEvent } from './event.ts'
import { readForeignYaml } from './foreign-yaml.ts'
import type { ReadLimits } from './limits.ts'
import { bareMeta, metaFromTree } from './meta.ts'
import type { DocumentReader } from './recent-reader.ts'
import type { Meta, MetaValue } from './recentfile.ts'
import type { Preamble } from './serialise.ts'
import { readBlock } from './yaml-block.ts'
import { readScalar } from './yaml-scalar.ts'

const [newline, space, dash, colon, quote, backslash] = [10, 32, 45, 58, 39, 92]

/**
 * Where the reader is: before the list of events (gathering what it will take for meta), in it, behind it
 * (gathering again), or in a document to be read as a whole.
 */
type Place = 'before' | 'list' | 'after' | 'whole'

/** Reads the block style that YAML::Syck and we write, by lines; all else it gives to the full library. */
export class YamlReader implements DocumentReader {
  meta: Meta | undefined
  preamble: Preamble | undefined
  readonly #limits: ReadLimits
  /** Bytes not yet done with: of the meta block, of the last event, or all. */
  #rest: Uint8Array = new Uint8Array(0)
  /** From where on its lines are to be looked at. */
  #from = 0
  #place: Place = 'before'
  #indent = 0
  /** Where the event being read begins; −1 when there is none. */
  #start = -1
  #number = 0

  constructor(limits: ReadLimits) {
    this.#limits = limits
  }

  push(bytes: Uint8Array, into: RecentEvent[]): void {
    const all = this.#rest.length === 0 ? bytes : joined(this.#rest, bytes)
    const kept = this.#lines(all, into)
    // A copy: whoever gave the bytes may use them anew.
    this.#rest = all.slice(kept)
    this.#from -= kept
    if (this.#start >= 0) this.#start -= kept
    const limit = this.#place === 'whole' ? 'whole' : this.#place === 'list' ? 'event' : 'meta'
    if (this.#rest.length > this.#limits[limit]) throw this.#tooLong(limit)
  }

  end(into: RecentEvent[]): void {
    if (this.#place === 'whole') return this.#readWhole(nameFromBytes(this.#rest), into)
    if (this.#rest.length > 0 && this.#rest.at(-1) !== newline) this.push(Uint8Array.of(newline), into)
    if (this.#place === 'before') return this.#readWhole(nameFromBytes(this.#rest), into)
    if (this.#start >= 0) into.push(this.#event(this.#rest, this.#start, this.#rest.length))
    this.#start = -1
    if (this.meta === undefined) this.#readMeta(nameFromBytes(this.#rest))
  }

  /** Looks at the whole lines among `bytes`; returns up to where they are done with. */
  #lines(bytes: Uint8Array, into: RecentEvent[]): number {
    let kept = 0
    while (this.#place !== 'whole') {
      const end = bytes.indexOf(newline, this.#from)
      if (end < 0) break
      const from = this.#from
      this.#from = end + 1
      if (this.#place === 'list') {
        this.#listLine(bytes, from, end, into)
        if (this.#place === 'list') kept = this.#start < 0 ? this.#from : this.#start
        else kept = from
      } else if (this.#place === 'before') {
        if (this.#lineBefore(bytes, from, end)) kept = this.#from
      }
    }
    return kept
  }

  /** True when the list of events begins. */
  #lineBefore(bytes: Uint8Array, from: number, end: number): boolean {
    const first = bytes[from]
    if (first === dash && (bytes[from + 1] !== dash || bytes[from + 2] !== dash)) {
      // A list at the top: protocol 0.
      this.meta = bareMeta
      this.preamble = '---'
      return this.#beginList(from)
    }
    if (first === space || from === end) return false
    const line = nameInBytes(bytes, from, end).trimEnd()
    if (line === '---' || line === 'meta:' || line.startsWith('#') || line.startsWith('%YAML')) return false
    if (line === '--- []') {
      this.meta = bareMeta
      this.preamble = '---'
      return this.#beginList(end + 1)
    }
    const list = /^recent:(.*)$/.exec(line)?.[1]?.trim()
    const before = nameInBytes(bytes, 0, from)
    const hasMeta = /^meta:/m.test(before)
    if (list === '' || (list === '[]' && hasMeta)) {
      if (hasMeta) this.#readMeta(before)
      if (hasMeta) this.preamble = `${before}recent:`
      return this.#beginList(end + 1)
    }
    this.#place = 'whole'
    return false
  }

  #beginList(from: number): true {
    this.#place = 'list'
    this.#indent = -1
    this.#from = from
    return true
  }

  #listLine(bytes: Uint8Array, from: number, end: number, into: RecentEvent[]): void {
    let at = from
    while (at < end && bytes[at] === space) at++
    if (at === end) return
    const isItem = bytes[at] === dash && (at + 1 === end || bytes[at + 1] === space || bytes[at + 1] === 13)
    if (this.#indent < 0 && isItem) this.#indent = at - from
    if (isItem && at - from === this.#indent) {
      if (this.#start >= 0) into.push(this.#event(bytes, this.#start, from))
      this.#start = from
      return
    }
    if (at - from > this.#indent && this.#start >= 0) return
    // Something else begins, at the level of `recent`.
    if (at !== from || this.preamble === '---') throw fail(this.#number + 1, undefined, 'a line out of place')
    if (this.#start >= 0) into.push(this.#event(bytes, this.#start, from))
    this.#start = -1
    if (this.meta !== undefined) throw corrupt('index', 'something follows the list of events')
    this.#place = 'after'
  }

  /** The event whose lines are at `start` to `end`. */
  #event(bytes: Uint8Array, start: number, end: number): RecentEvent {
    const number = ++this.#number
    if (end - start > this.#limits.event) throw this.#tooLong('event')
    return this.#plainEvent(number, bytes, start, end) ?? this.#foreignEvent(number, bytes, start, end)
  }

  /** Undefined when some line is not of the common kind. */
  #plainEvent(number: number, bytes: Uint8Array, start: number, end: number): RecentEvent | undefined {
    const values: { -readonly [Key in keyof RecentEvent]-?: Name | undefined } = {
      epoch: undefined,
      path: undefined,
      type: undefined,
      detail: undefined,
    }
    // YAML::Syck writes a name that ends with a carriage return without quotes.
    const crlf = bytes[bytes.indexOf(newline, start) - 1] === 13
    // The dash counts as one of the spaces of the first line.
    for (let at = start + this.#indent + 1, next = 0; at < end; at = next) {
      next = bytes.indexOf(newline, at) + 1
      if (next === 0) next = end
      let lineEnd = next === end && bytes[end - 1] !== newline ? end : next - 1
      while (at < lineEnd && bytes[at] === space) at++
      if (crlf && bytes[lineEnd - 1] === 13) lineEnd--
      while (lineEnd > at && bytes[lineEnd - 1] === space) lineEnd--
      if (at === lineEnd) continue
      const key = keyAt(bytes, at, lineEnd)
      if (key === undefined) return undefined
      let valueAt = at + key.length + 1
      if (valueAt < lineEnd && bytes[valueAt] !== space) return undefined
      while (valueAt < lineEnd && bytes[valueAt] === space) valueAt++
      const field = key === 'Tidemark' ? 'detail' : key
      if (values[field] !== undefined) throw fail(number, values.path, `it has two keys ${key}`)
      const value = scalarAt(bytes, valueAt, lineEnd)
      if (value === undefined) return undefined
      values[field] = value
    }
    return eventOf(number, values)
  }

  #foreignEvent(number: number, bytes: Uint8Array, start: number, end: number): RecentEvent {
    const text = nameInBytes(bytes, start, end)
    const items = readForeignYaml(text, `index, entry ${number}`)
    return eventOfMap(number, Array.isArray(items) && items.length === 1 ? items[0] : undefined)
  }

  /** From what stands before or behind the list. */
  #readMeta(around: Name): void {
    const at = around.search(/^meta:/m)
    if (at < 0) throw corrupt('index', 'it has no meta block')
    const text = around.slice(at)
    const tree = readBlock(text) ?? readForeignYaml(text, 'meta block of an index')
    this.meta = metaOf(tree)
  }

  #readWhole(text: Name, into: RecentEvent[]): void {
    const document = readForeignYaml(text, 'index')
    const recent = isMap(document) ? document['recent'] : document
    this.meta = isMap(document) ? metaOf(document) : bareMeta
    if (recent === '' || recent === '~' || recent === 'null') {
      if (isMap(document)) return
    } else if (Array.isArray(recent)) {
      for (const item of recent as readonly MetaValue[]) into.push(eventOfMap(++this.#number, item))
      return
    }
    throw corrupt('index', 'it has no list of events')
  }

  #tooLong(limit: 'event' | 'meta' | 'whole'): TidemarkError {
    const what = { event: `entry ${this.#number + 1}`, meta: 'its meta block', whole: 'it' }[limit]
    return new TidemarkError('limit', `index: ${what} is longer than ${this.#limits[limit]} bytes`)
  }
}

function metaOf(tree: MetaValue): Meta {
  const meta = isMap(tree) ? tree['meta'] : undefined
  if (!isMap(meta)) throw corrupt('index', 'its meta block is no map')
  return metaFromTree(meta)
}

function isMap(value: MetaValue | undefined): value is { readonly [key: string]: MetaValue } {
  return typeof value === 'object' && !Array.isArray(value)
}

type Key = 'epoch' | 'path' | 'type' | 'Tidemark'
const keys: Readonly<Record<number, Key>> = { 0x65: 'epoch', 0x70: 'path', 0x74: 'type', 0x54: 'Tidemark' }

function keyAt(bytes: Uint8Array, at: number, end: number): Key | undefined {
  const key = keys[bytes[at]!]
  if (key === undefined || at + key.length >= end || bytes[at + key.length] !== colon) return undefined
  for (let i = 1; i < key.length; i++) if (bytes[at + i] !== key.charCodeAt(i)) return undefined
  return key
}

/** The quick cases, which are nearly all; then the general one. */
function scalarAt(bytes: Uint8Array, at: number, end: number): Name | undefined {
  const first = bytes[at]
  if (first === quote && end - at > 1 && bytes[end - 1] === quote) {
    const inner = bytes.indexOf(quote, at + 1)
    if (inner === end - 1) return nameInBytes(bytes, at + 1, inner)
  }
  if (isLetter(first) && !hasSpecial(bytes, at, end)) return nameInBytes(bytes, at, end)
  return readScalar(nameInBytes(bytes, at, end))
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && ((byte | 32) >= 0x61 ? (byte | 32) <= 0x7a : false)
}

function hasSpecial(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) {
    const byte = bytes[i]
    if (byte === colon || byte === 35 || byte === backslash) return true
  }
  return false
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length)
  bytes.set(a)
  bytes.set(b, a.length)
  return bytes
}
