import type * as http from 'node:http'
import type * as https from 'node:https'
import { systemCode, TidemarkError } from '../../errors.ts'
import { cancelled, throwIfCancelled } from '../../store/call.ts'
import { streamed, whole, type HttpAnswer, type HttpHeaders } from './http-answer.ts'
import type { WholeAnswer } from './answer-reader.ts'
import { Pipelines } from './pipelines.ts'

export interface HttpClientOptions {
  /** Connections to one host at a time. */
  readonly connections: number
  /** Milliseconds in which something must come. */
  readonly patience: number
}

export interface GetOptions {
  /** The answer is expected to be short: it may be asked for together with others. */
  readonly isShort?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** So many times an answer may lead elsewhere. */
const mostRedirects = 5
/** Bytes of what is called short, at most. */
export const longestShort: number = 64 * 1024

/**
 * Asks over connections that stay open: what is short through pipelines, the rest by Node's own client, which takes
 * a third of the time of `fetch` for a small file. Redirects are followed, but never from https to http, and a password goes to
 * no other host.
 */
export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #base: URL
  readonly #pipelines: Pipelines
  /** What every request to it says. */
  readonly #lines: string
  readonly #agents = new Map<string, http.Agent>()

  /** `base` is a URL of the server that is asked mostly. */
  constructor(base: URL, options: HttpClientOptions) {
    this.#base = base
    this.#options = options
    this.#lines = linesOf({ host: base.host, ...common, ...secretsOf(base) })
    this.#pipelines = new Pipelines(base, { ...options, longest: longestShort })
  }

  /** Rejects `unavailable`, `timeout`, `cancelled`, or `denied` for a redirect that leads astray. */
  async get(
    url: URL,
    headers: HttpHeaders,
    { isShort = false, signal }: GetOptions = {},
  ): Promise<HttpAnswer> {
    let at = url
    for (let redirects = 0; ; redirects++) {
      throwIfCancelled(signal, `read ${at.host}`)
      const together =
        isShort && at.origin === this.#base.origin
          ? await this.getTogether(at.pathname + at.search, headers, signal)
          : undefined
      const sent = { ...common, ...headers, ...(at.host === url.host ? secretsOf(url) : {}) }
      const answer = together === undefined ? await this.#alone(at, sent, signal) : whole(together)
      const target = redirectOf(answer)
      if (target === undefined) return answer
      answer.giveUp()
      if (redirects === mostRedirects) {
        throw new TidemarkError('denied', `${url.host}: more than ${mostRedirects} redirects`)
      }
      at = redirected(at, target)
    }
  }

  /** What was asked for together is not answered any more, and nothing will be. */
  stopPipelines(): void {
    this.#pipelines.stop()
  }

  /**
   * Asks the server that is asked mostly, together with others, and follows no redirect. Undefined when it has to be asked for alone. The answer may be
   * to another of the requests, where what lies between does not know of pipelines.
   */
  getTogether(target: string, headers: HttpHeaders, signal?: AbortSignal): Promise<WholeAnswer | undefined> {
    const request = `GET ${target} HTTP/1.1\r\n${this.#lines}${linesOf(headers)}\r\n`
    return this.#pipelines.ask(request, signal)
  }

  #alone(url: URL, headers: HttpHeaders, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    throwIfCancelled(signal, `read ${url.host}`)
    const { patience } = this.#options
    return new Promise((resolve, reject) => {
      const request = clientFor(url).request({
        agent: this.#agent(url),
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: url.pathname + url.search,
        headers,
        ...(signal === undefined ? {} : { signal }),
      })
      // HTTP/1.1 keeps connections open unasked.
      request.removeHeader('connection')
      // The socket's own clock: it runs while the answer and its body are waited for.
      request.setTimeout(patience, () => {
        request.destroy(new TidemarkError('timeout', `${url.host}: nothing came for ${patience} ms`))
      })
      request.on('error', (error) => {
        // The server had given up the connection, and it was not noticed yet: whoever reads a large tree is busy for minutes.
        if (request.reusedSocket && systemCode(error) === 'ECONNRESET')
          resolve(this.#alone(url, headers, signal))
        else reject(httpFailure(error, url.host, signal))
      })
      request.on('response', (message) => resolve(streamed(message)))
      request.end()
    })
  }

  #agent(url: URL): http.Agent {
    let agent = this.#agents.get(url.protocol)
    if (agent === undefined) {
      const { connections } = this.#options
      agent = new (clientFor(url).Agent)({ keepAlive: true, maxSockets: connections, scheduling: 'lifo' })
      this.#agents.set(url.protocol, agent)
    }
    return agent
  }

  close(): void {
    this.#pipelines.stop()
    for (const agent of this.#agents.values()) agent.destroy()
  }
}

/** Loaded when it is needed: a look at which nothing is new needs neither. */
function clientFor({ protocol }: URL): typeof http | typeof https {
  return process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http')
}

function linesOf(headers: HttpHeaders): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

const common = { 'accept-encoding': 'identity', 'user-agent': 'tidemark' }

function secretsOf({ username, password }: URL): HttpHeaders {
  if (username === '') return {}
  const secrets = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(secrets).toString('base64')}` }
}

const redirectStatus = new Set([301, 302, 303, 307, 308])

function redirectOf({ status, headers }: HttpAnswer): string | undefined {
  return redirectStatus.has(status) ? headers['location'] : undefined
}

function redirected(from: URL, target: string): URL {
  const to = URL.parse(target, from)
  if (to === null || (to.protocol !== 'http:' && to.protocol !== 'https:')) {
    throw new TidemarkError('denied', `${from.host} redirects to something that is no web address`)
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new TidemarkError('denied', `${from.host} redirects from https to http`)
  }
  return to
}

/** What a failed connection means to the caller. */
export function httpFailure(error: unknown, host: string, signal: AbortSignal | undefined): TidemarkError {
  if (signal?.aborted === true) return cancelled(signal, `read ${host}`)
  if (error instanceof TidemarkError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new TidemarkError('unavailable', `${host}: ${reason}`, { cause: error })
}
