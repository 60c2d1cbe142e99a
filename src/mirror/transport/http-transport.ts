import { displayName, type Name } from '../../bytes/name.ts'
import { systemCode, TidemarkError } from '../../errors.ts'
import type { DirectoryHandle } from '../../folder/system/directory-handle.ts'
import { atATime } from './at-a-time.ts'
import type { HttpAnswer } from './http-answer.ts'
import { HttpClient, httpFailure, longestShort } from './http-client.ts'
import { fetchFile, leftIn } from './http-file.ts'
import {
  conditionOf,
  contentRange,
  isFresh,
  lengthOf,
  mtimeOf,
  refused,
  refuseEncoding,
  stateOf,
  strongTag,
} from './http-headers.ts'
import { inPipeline } from './pipelines.ts'
import { isShortFile } from './short-file.ts'
import type { Throttle } from './throttle.ts'
import type { Fetched, FetchOptions, Reading, ReadOptions, Transport, Wanted } from './transport.ts'
import { WebAddress } from './web-address.ts'

export interface HttpOptions {
  /** Connections at a time, 8 when left out. */
  readonly jobs?: number | undefined
  readonly throttle: Throttle
  /** Milliseconds in which something must come, 30,000 when left out. */
  readonly patience?: number | undefined
}

/** Any static web server. */
export class HttpTransport implements Transport {
  readonly name: string
  readonly ranged = true
  waits = false
  readonly #address: WebAddress
  readonly #client: HttpClient
  readonly #throttle: Throttle
  readonly #jobs: number

  /** `base` is the URL of the top of the tree and ends with `/`. */
  constructor(base: string, { jobs = 8, throttle, patience = 30_000 }: HttpOptions) {
    const url = new URL(base)
    this.#address = new WebAddress(url)
    this.#jobs = jobs
    this.#throttle = throttle
    this.#client = new HttpClient(url, { connections: jobs + 1, patience })
    this.name = `${url.protocol}//${url.host}${url.pathname}`
  }

  async read(path: Name, options: ReadOptions = {}): Promise<Reading | 'missing' | 'same' | 'changed'> {
    const { known, wait, range, guard, isShort = false, signal } = options
    const headers: Record<string, string> = {}
    if (known !== undefined) Object.assign(headers, conditionOf(known))
    if (wait !== undefined) headers['prefer'] = `wait=${Math.floor(wait)}`
    if (range !== undefined) {
      headers['range'] = `bytes=${range.start}-${range.end - 1}`
      // Whatever the server makes of it, the answer's own tag is compared.
      const tag = strongTag(guard)
      if (tag !== undefined) headers['if-range'] = tag
    }
    const length = range === undefined ? undefined : range.end - range.start
    const short = !this.#throttle.limits && (isShort || (length !== undefined && length <= longestShort))
    const answer = await this.#client.get(this.#address.urlOf(path), headers, { isShort: short, signal })
    if (wait !== undefined) this.waits = (answer.headers['preference-applied'] ?? '').startsWith('wait=')
    const outcome = this.#outcome(answer, path, options)
    if (typeof outcome !== 'string') return outcome
    // A body that nobody wants: reading a short one keeps the connection.
    if (Number(answer.headers['content-length'] ?? 0) < 4096) answer.skip()
    else answer.giveUp()
    return outcome
  }

  #outcome(answer: HttpAnswer, path: Name, options: ReadOptions): Reading | 'missing' | 'same' | 'changed' {
    const { status, headers } = answer
    const { known, guard, range, signal } = options
    if (status === 304) return 'same'
    if (status === 404 || status === 410) return 'missing'
    const state = stateOf(headers)
    if (guard !== undefined && (status === 412 || status === 416 || state !== guard)) return 'changed'
    if (status !== 200 && status !== 206 && status !== 416) {
      answer.skip()
      throw refused(answer, this.name, path)
    }
    // A server that heeds no conditions.
    if (known !== undefined && state === known) return 'same'
    refuseEncoding(headers, path)
    const told = contentRange(headers)
    const whole = status === 200 ? lengthOf(headers) : told?.size
    if (status === 206 && (told === undefined || told.start !== range?.start)) {
      throw new TidemarkError('corrupt', `${displayName(path)}: ${this.name} answered another range`)
    }
    return {
      state,
      fresh: isFresh(headers),
      size: whole,
      start: status === 206 ? told!.start : 0,
      mtimeNs: mtimeOf(headers),
      // 416: the range begins at the end or beyond, so there is nothing in it.
      body: status === 416 ? none(answer) : this.#bodyOf(answer, signal),
    }
  }

  async *#bodyOf({ body }: HttpAnswer, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const piece of body) {
        await this.#throttle.take(piece.length, signal)
        yield piece
      }
    } catch (error) {
      throw httpFailure(error, this.#address.host, signal)
    }
  }

  async *fetch(
    items: readonly Wanted[],
    into: DirectoryHandle,
    options: FetchOptions = {},
  ): AsyncGenerator<Fetched, void> {
    const { jobs = this.#jobs, signal } = options
    const source = {
      client: this.#client,
      throttle: this.#throttle,
      address: this.#address,
      left: leftIn(into),
    }
    const one = async (wanted: Wanted): Promise<Fetched> => {
      try {
        return await fetchFile(source, wanted, into, options)
      } catch (error) {
        if (!(error instanceof TidemarkError) || isEverybodys(error)) throw error
        return { wanted, outcome: 'failed', error }
      }
    }
    const atOnce = Math.min(jobs, this.#jobs)
    if (this.#throttle.limits) return yield* atATime(items, atOnce, one)
    const short = items.filter(isShortFile)
    const stop = (): void => this.#client.stopPipelines()
    signal?.addEventListener('abort', stop)
    try {
      yield* atATime(short, atOnce * inPipeline, one)
    } finally {
      signal?.removeEventListener('abort', stop)
    }
    if (short.length < items.length) {
      const long = items.filter((wanted) => !isShortFile(wanted))
      yield* atATime(long, atOnce, one)
    }
  }

  close(): Promise<void> {
    this.#client.close()
    return Promise.resolve()
  }
}

/** The host itself is out of reach, or the disk full: then nothing else would come either. */
function isEverybodys(error: TidemarkError): boolean {
  return error.code === 'cancelled' || error.code === 'full' || outOfReach.has(systemCode(error.cause) ?? '')
}

const outOfReach = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'])

function none(answer: HttpAnswer): AsyncIterable<Uint8Array> {
  answer.skip()
  return ReadableStream.from<Uint8Array>([])
}
