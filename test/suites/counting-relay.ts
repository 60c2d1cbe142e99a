import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface CountingRelay {
  readonly port: number
  /** Bytes that have gone by, in both directions. */
  readonly bytes: () => number
}

/** Relays connections to a port of this machine and counts what goes by. */
export async function countingRelay(t: TestContext, port: number): Promise<CountingRelay> {
  let bytes = 0
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', (piece) => (bytes += piece.length))
      from.on('error', () => to.destroy())
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port, bytes: () => bytes }
}
