import { TidemarkError, isTidemarkError, type ErrorCode } from '../errors.ts'
import { toHex } from '../bytes/hex.ts'
import {
  cellLength,
  cellOffset,
  decodeHeader,
  decodeIds,
  encodeIds,
  encodeSketch,
  headerLength,
  maxCells,
  probeLength,
  type Ids,
  type Profile,
  type SetRoot,
  type Sketch,
  type SketchHeader,
} from '../reconcile/index.ts'
import { readBody } from './body.ts'
import { cancelled, throwIfCancelled } from './source.ts'
import { decodeComparison, decodeItems, encodePush, rootTag, type Comparison, type Push } from './wire.ts'

/** The part of `fetch` that is used: anything that takes a URL and answers with a `Response`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface RemoteOptions {
  /** The runtime's own when left out. */
  readonly fetch?: Fetch
  /** Sent with every request: authorization, for instance. */
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds for each request. A minute when left out. */
  readonly timeout?: number
  /** The URL is a sketch file, not the base of a served set. */
  readonly file?: boolean
  readonly signal?: AbortSignal
}

/** What a conversation cost: bodies only, since headers are the transport's. */
export interface Cost {
  requests: number
  bytesSent: number
  bytesReceived: number
}

/** The beginning of a remote sketch. */
export interface Opening {
  readonly header: SketchHeader
  readonly probe: Uint8Array
  /** The bytes of the first cells, whole cells. */
  readonly cells: Uint8Array
  /** The tag of this state of the sketch; later ranges must carry the same. */
  readonly tag: string | null
}

/** A set served by `setHandler`, or a sketch file behind any web server. */
export class RemoteSet {
  readonly url: URL
  readonly isFile: boolean
  readonly cost: Cost = { requests: 0, bytesSent: 0, bytesReceived: 0 }
  readonly #options: RemoteOptions

  constructor(url: string | URL, options: RemoteOptions = {}) {
    this.url = new URL(url)
    this.isFile = options.file ?? false
    this.#options = options
  }

  /**
   * Asks for the header, the probe and the first `cells` cells; 'equal' when the remote set has the root `mine`.
   * Without a salt: the sketch that the other side keeps ready.
   */
  async open(
    mine: SetRoot,
    request: { salt?: Uint8Array; profile: Profile; cells: number },
  ): Promise<Opening | 'equal'> {
    const url = this.#sketchUrl(request.salt, request.profile)
    const most = headerLength + probeLength(maxCells) + cellLength * request.cells
    const response = await this.#ask(url, {
      headers: { range: `bytes=0-${most - 1}`, 'if-none-match': rootTag(mine) },
    })
    if (response.status === 304) return 'equal'
    const bytes = await this.#read(response, response.status === 206 ? most : cellLength * maxCells)
    const header = decodeHeader(bytes)
    if (header.root.equals(mine)) return 'equal'
    const start = cellOffset(header, 0)
    const end = Math.min(bytes.length, cellOffset(header, header.size))
    const whole = Math.max(0, Math.floor((end - start) / cellLength))
    return {
      header,
      probe: bytes.subarray(headerLength, start),
      cells: bytes.subarray(start, start + cellLength * whole),
      tag: response.headers.get('etag'),
    }
  }

  /** The bytes of cells `from` to `to` (exclusive); rejects with `conflict` when the sketch has changed since. */
  async cells(opening: Opening, from: number, to: number): Promise<Uint8Array> {
    const { header, tag } = opening
    const first = cellOffset(header, from)
    const end = cellOffset(header, to)
    const salt = this.isFile ? undefined : header.salt
    const response = await this.#ask(this.#sketchUrl(salt, header.profile), {
      headers: { range: `bytes=${first}-${end - 1}` },
    })
    if (response.headers.get('etag') !== tag) {
      await response.body?.cancel()
      throw new TidemarkError('conflict', 'The remote set changed during reconciliation')
    }
    const partial = response.status === 206
    const bytes = await this.#read(response, partial ? end - first : cellOffset(header, header.size))
    const cells = partial ? bytes : bytes.subarray(first, end)
    if (cells.length !== end - first) throw new TidemarkError('corrupt', 'sketch: a range came back short')
    return cells
  }

  /** The items with these ids, at most `limit` bytes; where an answer has fewer, the rest is asked for again. */
  async items(salt: Uint8Array, ids: Ids, limit: number): Promise<(Uint8Array | undefined)[]> {
    const items: (Uint8Array | undefined)[] = []
    let received = 0
    while (2 * items.length < ids.length) {
      const wanted = ids.subarray(2 * items.length, 2 * (items.length + idsAtATime))
      const response = await this.#ask(this.#saltedUrl('items', salt), {
        method: 'POST',
        body: encodeIds(wanted),
      })
      const bytes = await this.#read(response, limit - received)
      received += bytes.length
      const answered = decodeItems(bytes, wanted.length / 2)
      if (answered.length === 0) throw new TidemarkError('corrupt', 'list of items: it is empty')
      items.push(...answered)
    }
    return items
  }

  /** All ids, in at most `limit` bytes. */
  async ids(salt: Uint8Array, limit: number): Promise<Ids> {
    const response = await this.#ask(this.#saltedUrl('ids', salt), {})
    return decodeIds(await this.#read(response, limit))
  }

  /** Sends a sketch to be compared there. */
  async compare(sketch: Sketch, limit: number): Promise<Comparison> {
    const body = encodeSketch(sketch)
    const response = await this.#ask(this.#path('compare'), { method: 'POST', body })
    return decodeComparison(await this.#read(response, limit))
  }

  async push(salt: Uint8Array, push: Push): Promise<void> {
    const response = await this.#ask(this.#saltedUrl('push', salt), {
      method: 'POST',
      body: encodePush(push),
    })
    await this.#read(response, 4096)
  }

  #sketchUrl(salt: Uint8Array | undefined, profile: Profile): URL {
    if (this.isFile) return this.url
    if (salt === undefined) return this.#path('sketch')
    const url = this.#saltedUrl('sketch', salt)
    url.searchParams.set('profile', profile.name)
    return url
  }

  #saltedUrl(name: string, salt: Uint8Array): URL {
    const url = this.#path(name)
    url.searchParams.set('salt', toHex(salt))
    return url
  }

  #path(name: string): URL {
    if (this.isFile)
      throw new TidemarkError('unsupported', `A sketch file has no '${name}': it is a sketch only`)
    const url = new URL(this.url)
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${name}`
    return url
  }

  async #ask(
    url: URL,
    init: { method?: string; headers?: Record<string, string>; body?: Uint8Array<ArrayBuffer> },
  ): Promise<Response> {
    const { fetch = globalThis.fetch, headers = {}, timeout = 60_000, signal } = this.#options
    throwIfCancelled(signal)
    const limit = AbortSignal.timeout(timeout)
    this.cost.requests++
    this.cost.bytesSent += init.body?.length ?? 0
    let response: Response
    try {
      response = await fetch(url.href, {
        ...init,
        headers: { ...headers, ...init.headers },
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      })
    } catch (error) {
      throw this.#failure(error, limit)
    }
    if (response.ok || response.status === 304) return response
    const code = codeOf[response.status] ?? (response.status >= 500 ? 'unavailable' : 'failed')
    const said = await this.#said(response)
    throw new TidemarkError(code, `${url.host} answered ${response.status} to ${url.pathname}${said}`)
  }

  async #said(response: Response): Promise<string> {
    try {
      const text = new TextDecoder().decode(await readBody(response.body, 1024, 'The answer')).trim()
      return text === '' ? '' : `: ${text}`
    } catch {
      return ''
    }
  }

  async #read(response: Response, limit: number): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const bytes = await readBody(response.body, limit, 'The answer')
      this.cost.bytesReceived += bytes.length
      return bytes
    } catch (error) {
      throw this.#failure(error, undefined)
    }
  }

  /** What a failed request means to the caller: his own cancelling, no answer in time, or out of reach. */
  #failure(error: unknown, limit: AbortSignal | undefined): TidemarkError {
    if (isTidemarkError(error)) return error
    const { signal, timeout = 60_000 } = this.#options
    if (signal?.aborted === true) return cancelled(signal)
    const timedOut = limit?.aborted === true || (error instanceof Error && error.name === 'TimeoutError')
    if (timedOut) {
      return new TidemarkError('timeout', `${this.url.host} did not answer within ${timeout} ms`, {
        cause: error,
      })
    }
    return new TidemarkError('unavailable', `${this.url.host} cannot be reached`, { cause: error })
  }
}

const idsAtATime = 65_536

const codeOf: Readonly<Record<number, ErrorCode>> = {
  400: 'usage',
  401: 'denied',
  403: 'denied',
  404: 'missing',
  409: 'conflict',
  413: 'limit',
  416: 'conflict',
  429: 'unavailable',
}
