import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { AddressInfo } from 'node:net'
import { TidemarkError, fromSystem } from '../errors.ts'

type Handler = (request: Request) => Promise<Response>

/** Where a server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `8080`, `:8080`, `host:8080` or `[::1]:8080`. This machine alone unless a host is named. */
export function parseAddress(text: string): Address {
  const { bracketed, plain, port } = { ...form.exec(text)?.groups } as Record<string, string | undefined>
  if (port === undefined || Number(port) > 65_535) {
    throw new TidemarkError('usage', `${text}: neither a port nor HOST:PORT`)
  }
  return { host: bracketed ?? plain ?? '127.0.0.1', port: Number(port) }
}

export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

const form = /^(?:(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]+))?:)?(?<port>\d{1,5})$/

export interface WebServer {
  readonly url: string
  close(): Promise<void>
}

/** Serves a handler of web standards on Node's own HTTP server. */
export async function serveWeb(handler: Handler, { host, port }: Address): Promise<WebServer> {
  const server = createServer((incoming, outgoing) => {
    answer(handler, incoming, outgoing).catch(() => outgoing.destroy())
  })
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw fromSystem(error, `listen on ${host}:${port}`)
  }
  const { address, family, port: bound } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}/`,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController()
  outgoing.once('close', () => gone.abort())
  const response = await respond(handler, incoming, gone.signal)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body === null || incoming.method === 'HEAD') {
    await response.body?.cancel()
    outgoing.end()
    return
  }
  // It also ends the body when the client hangs up.
  await pipeline(Readable.fromWeb(response.body), outgoing)
}

/** An error that no part foresaw must not end the server: its client is told, and no more. */
async function respond(handler: Handler, incoming: IncomingMessage, signal: AbortSignal): Promise<Response> {
  try {
    return await handler(requestOf(incoming, signal))
  } catch {
    return new Response('internal error\n', { status: 500 })
  }
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const method = incoming.method ?? 'GET'
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const url = new URL(incoming.url ?? '/', 'http://localhost')
  const withBody = method !== 'GET' && method !== 'HEAD'
  const body = withBody ? (Readable.toWeb(incoming) as ReadableStream) : null
  return new Request(url, { method, headers, body, signal, ...(withBody ? { duplex: 'half' } : {}) })
}
