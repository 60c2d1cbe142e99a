import { once } from 'node:events'
import { createReadStream, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { parseRange } from '../../src/exchange/range.ts'

export interface StaticServer {
  /** Ends with `/`. */
  readonly url: string
  /** Each request as it came: method, path, headers that matter, status, bytes of the body. */
  readonly requests: StaticRequest[]
}

export interface StaticRequest {
  readonly path: string
  readonly range: string | undefined
  readonly status: number
  readonly bytes: number
}

export interface StaticOptions {
  /** Ranges and conditions are ignored, as simple servers do. */
  readonly simple?: boolean
  /** So many bytes of a body are sent, then the connection is cut; asked anew for each request. */
  readonly cut?: (path: string) => number | undefined
  /** Answers instead of the server when it returns true. */
  readonly instead?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** A static web server with entity tags, conditions and ranges, and with faults where a test wants them. */
export async function staticServer(
  t: TestContext,
  root: string,
  options: StaticOptions = {},
): Promise<StaticServer> {
  const requests: StaticRequest[] = []
  const server = createServer((request, response) => {
    if (options.instead?.(request, response) === true) return
    answer(root, request, response, options, requests)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests }
}

function answer(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  { simple = false, cut }: StaticOptions,
  requests: StaticRequest[],
): void {
  const url = request.url ?? '/'
  const path = pathOf(root, url)
  const end = (status: number, headers: Record<string, string | number> = {}): void => {
    requests.push({ path: url, range: request.headers.range, status, bytes: 0 })
    response.writeHead(status, headers).end()
  }
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (stat?.isFile() !== true) return end(404, { 'content-length': 0 })
  const size = Number(stat.size)
  const etag = `"${stat.mtimeNs.toString(36)}-${stat.ino.toString(36)}-${size}"`
  const headers = {
    'last-modified': stat.mtime.toUTCString(),
    ...(simple ? {} : { etag, 'accept-ranges': 'bytes' }),
  }
  if (!simple && isUnchanged(request, etag, stat.mtime)) return end(304, headers)
  const guard = request.headers['if-range']
  const wanted = guard === undefined || guard === etag ? (request.headers.range ?? null) : null
  const range = simple ? undefined : parseRange(wanted, size)
  if (range === 'none')
    return end(416, { ...headers, 'content-range': `bytes */${size}`, 'content-length': 0 })
  const { from, to } = range ?? { from: 0, to: size }
  const status = range === undefined ? 200 : 206
  const part = range === undefined ? {} : { 'content-range': `bytes ${from}-${to - 1}/${size}` }
  requests.push({ path: url, range: request.headers.range, status, bytes: to - from })
  response.writeHead(status, { ...headers, ...part, 'content-length': to - from })
  if (from === to) return void response.end()
  const most = cut?.(url)
  const stream = createReadStream(path, { start: from, end: Math.min(to, from + (most ?? to)) - 1 })
  if (most === undefined || most >= to - from) stream.pipe(response)
  else stream.pipe(response, { end: false }).on('unpipe', () => setTimeout(() => response.destroy(), 20))
}

function pathOf(root: string, url: string): string {
  const bytes: number[] = []
  for (let at = 0; at < url.length; at++) {
    if (url[at] === '%') {
      bytes.push(Number.parseInt(url.slice(at + 1, at + 3), 16))
      at += 2
    } else bytes.push(url.charCodeAt(at))
  }
  // Bytes, for names that are not UTF-8.
  return Buffer.concat([Buffer.from(join(root, '/')), Buffer.from(bytes)]) as unknown as string
}

function isUnchanged(request: IncomingMessage, etag: string, mtime: Date): boolean {
  const tag = request.headers['if-none-match']
  if (tag !== undefined) return tag === etag
  const since = request.headers['if-modified-since']
  return since !== undefined && Math.floor(mtime.getTime() / 1000) * 1000 <= Date.parse(since)
}
