import { mock } from 'node:test'
import {
  RemoteSet,
  ServedIndex,
  setHandler,
  type Fetch,
  type HandlerOptions,
} from '../../../src/exchange/index.ts'
import { indexItems, type RemoteOptions } from '../../../src/exchange/index.ts'
import type { SetIndex } from '../../../src/reconcile/index.ts'

// With a salt of its own one sketch in a hundred would not decode at once, and what is counted would be luck.
mock.method(crypto, 'getRandomValues', (bytes: Uint8Array) => bytes.fill(7))

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

export function indexOf(items: Iterable<string>): Promise<SetIndex<string>> {
  return indexItems([...items], { serialize: bytesOf })
}

/** Texts `from` … `to` − 1. */
export function texts(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => `key${from + at}:value${from + at}`)
}

export interface Served {
  readonly index: SetIndex<string>
  readonly served: ServedIndex<string>
  readonly fetch: Fetch
  /** The requests so far: method and path with query. */
  readonly log: string[]
  readonly remote: (options?: RemoteOptions) => RemoteSet
}

/** A set served in this process: the handler itself is the transport. */
export async function serve(items: Iterable<string>, options?: HandlerOptions): Promise<Served> {
  const index = await indexOf(items)
  const served = new ServedIndex(index, bytesOf)
  const handler = setHandler(served, options)
  const log: string[] = []
  const fetch: Fetch = (url, init) => {
    log.push(`${init.method ?? 'GET'} ${new URL(url).pathname}`)
    return handler(new Request(url, init))
  }
  return {
    index,
    served,
    fetch,
    log,
    remote: (remoteOptions) => new RemoteSet('http://set.test/base', { fetch, ...remoteOptions }),
  }
}
