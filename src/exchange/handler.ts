import { isTidemarkError, TidemarkError, type ErrorCode } from '../errors.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { Writer } from '../bytes/writer.ts'
import {
  cellsFor,
  decodeIds,
  decodeSketch,
  encodeIds,
  encodeSketch,
  estimate,
  general,
  peel,
  profiles,
  sketchKey,
  type Profile,
  type Sketch,
  type SketchKey,
} from '../reconcile/index.ts'
import { readBody } from './body.ts'
import { parseRange } from './range.ts'
import { sortIds } from './sorted.ts'
import type { ServedSet } from './served-set.ts'
import { decodePush, encodeComparison, rootTag, writeItem, type Comparison, type Push } from './wire.ts'

export interface HandlerOptions {
  /**
   * Takes in what a client pushes: items that the set lacks, and ids (under `key`) of items to take out. Pushing
   * is refused when left out. Throw a `TidemarkError` ('denied', 'conflict') to refuse.
   */
  readonly accept?: (push: Push, key: SketchKey) => void | Promise<void>
  /** Most cells of a sketch that is made or decoded for a client. 2^18, three megabytes, when left out. */
  readonly maxCells?: number
  /** Most bytes of a request's body. 16 MiB when left out. */
  readonly maxBody?: number
  /** About how many bytes of items one answer carries; the client asks again for the rest. 4 MiB when left out. */
  readonly maxAnswer?: number
  /** Items up to so many bytes are sent along with their ids when a sketch is compared. 256 when left out. */
  readonly inline?: number
  /** Whether clients may choose the salt: each new one costs a pass over the set. True when left out. */
  readonly liveSalt?: boolean
}

/** How many sketches of clients' salts are kept, so that a second range needs no second pass. */
const keptSketches = 4

/**
 * A handler that serves a set to `RemoteSet` over HTTP, with nothing but web standards: it fits Node's http (through
 * any adapter), Hono, Deno, Bun and workers. It answers below any path, by the last segment:
 * GET `sketch`, `ids`; POST `items`, `compare`, `push`. See docs/format/sketch.md, "Exchange".
 */
export function setHandler(
  set: ServedSet,
  options: HandlerOptions = {},
): (request: Request) => Promise<Response> {
  const server = new SetServer(set, options)
  return async (request) => {
    try {
      return await server.answer(request)
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      return new Response(`${error.message}\n`, {
        status: statusOf[error.code] ?? 500,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      })
    }
  }
}

const statusOf: Partial<Record<ErrorCode, number>> = {
  usage: 400,
  corrupt: 400,
  unsupported: 400,
  missing: 404,
  denied: 403,
  conflict: 409,
  limit: 413,
  unavailable: 503,
}

class SetServer {
  readonly #set: ServedSet
  readonly #options: Required<Omit<HandlerOptions, 'accept'>> & Pick<HandlerOptions, 'accept'>
  /** Sketches by salt and profile, the least recently used first. */
  readonly #sketches = new Map<string, Promise<Sketch>>()

  constructor(set: ServedSet, options: HandlerOptions) {
    this.#set = set
    this.#options = {
      maxCells: 2 ** 18,
      maxBody: 2 ** 24,
      maxAnswer: 2 ** 22,
      inline: 256,
      liveSalt: true,
      ...options,
    }
  }

  answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1)
    const route = routes.get(`${request.method === 'HEAD' ? 'GET' : request.method} ${name}`)
    if (route === undefined)
      throw new TidemarkError('missing', `Nothing is served at ${request.method} ${name}`)
    return route(this, request, url.searchParams)
  }

  /** GET sketch: the file of docs/format/sketch.md under the salt asked for, whole or a range of it. */
  async sketch(request: Request, query: URLSearchParams): Promise<Response> {
    const root = await this.#set.root()
    if (request.headers.get('if-none-match') === rootTag(root)) return new Response(null, { status: 304 })
    const sketch = await this.#sketchFor(query, root.count)
    const bytes = encodeSketch(sketch)
    const headers = {
      'content-type': 'application/vnd.tidemark.sketch',
      'accept-ranges': 'bytes',
      'cache-control': 'no-cache',
      etag: rootTag(sketch.root),
    }
    const range = parseRange(request.headers.get('range'), bytes.length)
    if (range === undefined) return new Response(bytes, { headers })
    if (range === 'none') {
      return new Response(null, { status: 416, headers: { 'content-range': `bytes */${bytes.length}` } })
    }
    return new Response(bytes.subarray(range.from, range.to), {
      status: 206,
      headers: { ...headers, 'content-range': `bytes ${range.from}-${range.to - 1}/${bytes.length}` },
    })
  }

  /** GET ids: all ids under a salt, sorted. */
  async ids(query: URLSearchParams): Promise<Response> {
    return binary(encodeIds(sortIds(await this.#set.ids(this.#keyOf(query)))))
  }

  /** POST items: ids in, items out, in order; fewer than asked when they would be too many bytes. */
  async items(request: Request, query: URLSearchParams): Promise<Response> {
    const ids = decodeIds(await this.#body(request))
    const writer = new Writer(4096)
    // In portions, so that a long list of ids does not bring all its items into memory at once.
    for (let at = 0; at < ids.length && writer.length < this.#options.maxAnswer; at += 2 * itemPortion) {
      const portion = ids.subarray(at, at + 2 * itemPortion)
      for (const item of await this.#set.items(this.#keyOf(query), portion)) {
        if (writer.length < this.#options.maxAnswer) writeItem(writer, item)
      }
    }
    return binary(writer.finish())
  }

  /** POST compare: the client's sketch in, the difference out. */
  async compare(request: Request): Promise<Response> {
    const theirs = decodeSketch(await this.#body(request))
    if (theirs.size > this.#options.maxCells) {
      throw new TidemarkError(
        'limit',
        `A sketch of more than ${this.#options.maxCells} cells is not decoded here`,
      )
    }
    return binary(encodeComparison(await this.#difference(theirs)))
  }

  async #difference(theirs: Sketch): Promise<Comparison> {
    const { key, profile } = theirs
    this.#checkSalt(key)
    const ours = await this.#cached(key, profile, theirs.size)
    if (ours.root.equals(theirs.root)) return { kind: 'equal' }
    const difference = ours.clone().subtract(theirs)
    const ids = peel(difference)
    if (ids === undefined) {
      const { likely, saturated } = estimate(difference)
      // Nothing is known beyond the cells that were sent; the client may guess better.
      const more = saturated ? 4 * theirs.size : 1.1 * cellsFor(likely, profile)
      return { kind: 'more', cells: Math.ceil(Math.max(more, 2 * theirs.size)) }
    }
    const found = await this.#set.items(key, ids)
    const added: number[] = []
    const removed: number[] = []
    const items: (Uint8Array | undefined)[] = []
    let room = this.#options.maxAnswer
    found.forEach((item, at) => {
      ;(item === undefined ? removed : added).push(ids[2 * at]!, ids[2 * at + 1]!)
      if (item === undefined) return
      const fits = item.length <= Math.min(room, this.#options.inline)
      if (fits) room -= item.length
      items.push(fits ? item : undefined)
    })
    return {
      kind: 'difference',
      root: ours.root,
      added: Int32Array.from(added),
      items,
      removed: Int32Array.from(removed),
    }
  }

  /** POST push: items to take in, ids to take out. */
  async push(request: Request, query: URLSearchParams): Promise<Response> {
    const { accept } = this.#options
    if (accept === undefined) throw new TidemarkError('denied', 'This set takes no changes')
    await accept(decodePush(await this.#body(request)), this.#keyOf(query))
    return new Response(null, { status: 204 })
  }

  #body(request: Request): Promise<Uint8Array> {
    return readBody(request.body, this.#options.maxBody, 'The request')
  }

  async #sketchFor(query: URLSearchParams, count: number): Promise<Sketch> {
    const { epoch } = this.#set
    if (!query.has('salt')) {
      if (epoch === undefined) throw new TidemarkError('usage', 'Name a salt: no sketch is kept ready here')
      return this.#set.sketch(sketchKey(epoch.salt), epoch.profile, epoch.size)
    }
    const key = this.#keyOf(query)
    const profile = profileNamed(query.get('profile'))
    if (epoch !== undefined && epoch.profile === profile && toHex(epoch.salt) === toHex(key.salt)) {
      return this.#set.sketch(key, profile, epoch.size)
    }
    this.#checkSalt(key)
    return this.#cached(key, profile, liveSize(count, this.#options.maxCells))
  }

  #checkSalt(key: SketchKey): void {
    const { epoch } = this.#set
    if (this.#options.liveSalt || (epoch !== undefined && toHex(epoch.salt) === toHex(key.salt))) return
    throw new TidemarkError('denied', 'Only the sketch that is kept ready is served here: leave out the salt')
  }

  #keyOf(query: URLSearchParams): SketchKey {
    const salt = fromHex(query.get('salt') ?? '')
    if (salt?.length !== 16) throw new TidemarkError('usage', 'A salt is 32 hexadecimal digits')
    return sketchKey(salt)
  }

  #cached(key: SketchKey, profile: Profile, size: number): Promise<Sketch> {
    const name = `${toHex(key.salt)} ${profile.name} ${size}`
    const sketch = this.#sketches.get(name) ?? Promise.resolve(this.#set.sketch(key, profile, size))
    this.#sketches.delete(name)
    this.#sketches.set(name, sketch)
    sketch.catch(() => this.#sketches.delete(name))
    for (const oldest of this.#sketches.keys()) {
      if (this.#sketches.size <= keptSketches) break
      this.#sketches.delete(oldest)
    }
    return sketch
  }
}

type Route = (server: SetServer, request: Request, query: URLSearchParams) => Promise<Response>

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['GET sketch', (server, request, query) => server.sketch(request, query)],
  ['GET ids', (server, _, query) => server.ids(query)],
  ['POST items', (server, request, query) => server.items(request, query)],
  ['POST compare', (server, request) => server.compare(request)],
  ['POST push', (server, request, query) => server.push(request, query)],
])

/** Items that are looked up at a time. */
const itemPortion = 256

/**
 * How many cells a live sketch of `count` items gets: a power of two that tells differences of a third of the set and more.
 * Beyond that the list of ids is the smaller answer.
 */
function liveSize(count: number, most: number): number {
  return Math.min(most, 2 ** Math.max(10, Math.ceil(Math.log2(count / 2 + 1))))
}

function profileNamed(name: string | null): Profile {
  if (name === null) return general
  if (name === 'general' || name === 'large') return profiles[name]
  throw new TidemarkError('usage', `There is no profile '${name}'`)
}

function binary(bytes: Uint8Array<ArrayBuffer>): Response {
  return new Response(bytes, { headers: { 'content-type': 'application/octet-stream' } })
}
