import { nameFromBytes, type Name } from '../bytes/name.ts'
import { corrupt, TidemarkError } from '../errors.ts'
import { eventOfMap } from './event-reader.ts'
import type { RecentEvent } from './event.ts'
import type { ReadLimits } from './limits.ts'
import { bareMeta, metaFromTree } from './meta.ts'
import type { DocumentReader } from './recent-reader.ts'
import type { Meta, MetaValue } from './recentfile.ts'
import type { Preamble } from './serialise.ts'

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a]
const opening = new Set([0x7b, 0x5b])
const closing = new Set([0x7d, 0x5d])

/**
 * Reads JSON, of which only one value at a time is held: it looks for where values end, and leaves reading them to
 * JSON.parse. Numbers are kept as they are written, for epochs are longer than a double.
 */
export class JsonReader implements DocumentReader {
  meta: Meta | undefined
  preamble: Preamble | undefined
  readonly #limits: ReadLimits
  #rest: Uint8Array = new Uint8Array(0)
  #from = 0
  /** Where the value or key being read begins. */
  #start = 0
  #depth = 0
  #inString = false
  #escaped = false
  /** The key at the top whose value is being read; '' in a bare list. */
  #key: Name | undefined
  #listDepth = 2
  #sawList = false
  #ended = false
  #number = 0
  /** All bytes up to the list, for the preamble. */
  #before: Name | undefined = ''

  constructor(limits: ReadLimits) {
    this.#limits = limits
  }

  push(bytes: Uint8Array, into: RecentEvent[]): void {
    const all = new Uint8Array(this.#rest.length + bytes.length)
    all.set(this.#rest)
    all.set(bytes, this.#rest.length)
    for (; this.#from < all.length; this.#from++) this.#step(all, all[this.#from]!, into)
    if (this.#before !== undefined) this.#before += nameFromBytes(all.subarray(0, this.#start))
    this.#rest = all.slice(this.#start)
    this.#from -= this.#start
    this.#start = 0
    const limit = this.#inList ? this.#limits.event : this.#limits.meta
    if (this.#rest.length > limit || (this.#before?.length ?? 0) > this.#limits.meta) {
      const what = this.#inList ? `entry ${this.#number + 1}` : 'its meta block'
      throw new TidemarkError('limit', `index: ${what} is longer than ${limit} bytes`)
    }
  }

  end(): void {
    if (!this.#ended) throw corrupt('index', 'it ends early')
    if (nameFromBytes(this.#rest).trim() !== '') throw corrupt('index', 'something follows its end')
    if (!this.#sawList) throw corrupt('index', 'it has no list of events')
    if (this.meta === undefined) throw corrupt('index', 'it has no meta block')
  }

  get #inList(): boolean {
    return this.#key === 'recent' && this.#depth >= this.#listDepth
  }

  #step(all: Uint8Array, byte: number, into: RecentEvent[]): void {
    if (this.#ended) return
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (byte === backslash) this.#escaped = true
      else if (byte === quote) this.#inString = false
      return
    }
    if (byte === quote) this.#inString = true
    else if (opening.has(byte)) this.#open(all, byte)
    else if (closing.has(byte)) this.#close(all, into)
    else if (byte === comma || byte === colon) this.#separate(all, byte, into)
  }

  #open(all: Uint8Array, byte: number): void {
    this.#depth++
    if (this.#depth === 1 && byte === 0x5b) {
      this.meta = bareMeta
      this.#key = 'recent'
      this.#listDepth = 1
      this.#beginList()
    } else if (this.#depth === 2 && this.#key === 'recent' && this.#listDepth === 2) {
      if (byte !== 0x5b) throw corrupt('index', 'its events are no list')
      if (this.meta !== undefined) {
        this.preamble = `${this.#before ?? ''}${nameFromBytes(all.subarray(0, this.#from + 1))}`
      }
      this.#beginList()
    } else if (this.#depth > 20) throw corrupt('index', 'it is nested too deep')
    else if (this.#depth === 1) this.#pass()
  }

  #beginList(): void {
    if (this.#sawList) throw corrupt('index', 'it has two lists of events')
    this.#sawList = true
    this.#before = undefined
    this.#pass()
  }

  #close(all: Uint8Array, into: RecentEvent[]): void {
    if (this.#inList && this.#depth === this.#listDepth) {
      this.#item(all, into)
      this.#pass()
    } else if (this.#depth === 1) this.#member(all)
    this.#depth--
    if (this.#depth > 0) return
    this.#ended = true
    this.#pass()
  }

  #separate(all: Uint8Array, byte: number, into: RecentEvent[]): void {
    if (this.#inList) {
      if (this.#depth === this.#listDepth && byte === comma) {
        if (!this.#item(all, into)) throw corrupt('index', `entry ${this.#number + 1}: it is missing`)
        this.#pass()
      }
    } else if (this.#depth === 1 && byte === colon) {
      const key = this.#value(all)
      if (typeof key !== 'string' || this.#key !== undefined) throw corrupt('index', 'a key is no text')
      this.#key = key
      this.#pass()
    } else if (this.#depth === 1) {
      this.#member(all)
      this.#pass()
    }
  }

  /** A key and its value at the top are complete. */
  #member(all: Uint8Array): void {
    const key = this.#key
    this.#key = undefined
    if (key === undefined || key === 'recent') return
    const value = this.#value(all)
    if (key !== 'meta') return
    if (this.meta !== undefined) throw corrupt('index', 'it has two meta blocks')
    if (typeof value !== 'object' || Array.isArray(value)) throw corrupt('index', 'its meta block is no map')
    this.meta = metaFromTree(value as { readonly [key: string]: MetaValue })
  }

  /** False when there is nothing but white space. */
  #item(all: Uint8Array, into: RecentEvent[]): boolean {
    let at = this.#start
    while (at < this.#from && all[at]! <= 0x20) at++
    if (at === this.#from) return false
    const number = ++this.#number
    into.push(eventOfMap(number, this.#value(all)))
    return true
  }

  #value(all: Uint8Array): MetaValue {
    const text = nameFromBytes(all.subarray(this.#start, this.#from))
    try {
      return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
        typeof value === 'number' ? context!.source : value === null ? '' : value,
      ) as MetaValue
    } catch (error) {
      throw new TidemarkError('corrupt', `index, after entry ${this.#number}: it is no JSON`, {
        cause: error,
      })
    }
  }

  /** What comes before the next byte is done with. */
  #pass(): void {
    this.#start = this.#from + 1
  }
}
