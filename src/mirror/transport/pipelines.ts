import { connect, isIP, type Socket } from 'node:net'
import type { WholeAnswer } from './answer-reader.ts'
import { PipelinedConnection, type ConnectionOptions } from './pipelined-connection.ts'

export interface PipelinesOptions extends ConnectionOptions {
  /** At a time. */
  readonly connections: number
}

/** Requests that are under way on a connection at a time. */
export const inPipeline = 16

/**
 * Small files of one web server over HTTP/1.1 pipelines, at a sixth of what a request by itself takes
 * (docs/decisions/0502-mirror-follow.md). They only make things quicker: what is not answered in the plainest way is to
 * be asked for by itself, and a server that does not know them is not troubled again.
 */
export class Pipelines {
  readonly #url: URL
  readonly #options: PipelinesOptions
  #open: PipelinedConnection[] = []
  #isOff = false

  constructor(url: URL, options: PipelinesOptions) {
    this.#url = url
    this.#options = options
  }

  /** Resolves to undefined when the request has to be made in another way, and at once when `signal` tells to stop. */
  ask(request: string, signal?: AbortSignal): Promise<WholeAnswer | undefined> {
    if (this.#isOff) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const stop = (): void => resolve(undefined)
      signal?.addEventListener('abort', stop)
      this.#connection().ask(request, (answer) => {
        signal?.removeEventListener('abort', stop)
        resolve(answer)
      })
    })
  }

  /** The first that has room: fewer connections take less of both sides. */
  #connection(): PipelinedConnection {
    const found = this.#open.find(({ waiting }) => waiting < inPipeline)
    if (found !== undefined) return found
    if (this.#open.length >= this.#options.connections)
      return this.#open.reduce((least, other) => (other.waiting < least.waiting ? other : least))
    const connection = new PipelinedConnection(socketTo(this.#url), this.#options, (hasAnswered) => {
      this.#open = this.#open.filter((open) => open !== connection)
      if (!hasAnswered) this.#isOff = true
    })
    this.#open.push(connection)
    return connection
  }

  /** From now on nothing is answered any more. */
  stop(): void {
    this.#isOff = true
    for (const connection of this.#open.splice(0)) connection.close()
  }
}

function socketTo({ protocol, hostname, port }: URL): Socket {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'http:') return connect(port === '' ? 80 : Number(port), host)
  // It takes 14 ms to load, so not before it is needed.
  const tls = process.getBuiltinModule('node:tls')
  const name = isIP(host) === 0 ? { servername: host } : {}
  return tls.connect({ host, port: port === '' ? 443 : Number(port), ...name })
}
