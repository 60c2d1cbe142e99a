import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { suite, test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { hash } from 'node:crypto'
import { openDirectory } from '../../../src/folder/system/directory-handle.ts'
import { HttpTransport } from '../../../src/mirror/transport/http-transport.ts'
import { Throttle } from '../../../src/mirror/transport/throttle.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

/** What a server does with the requests of one connection that have come at a time. */
type Manner = (paths: readonly string[], connection: Connection) => void

class Connection {
  asked = 0
  answered = 0
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  answer(path: string, headers = ''): void {
    this.answered++
    const content = contentOf(path)
    this.#socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n${headers}\r\n${content}`)
  }

  close(): void {
    this.#socket.end()
  }
}

interface Server {
  readonly url: string
  readonly connections: Connection[]
  /** The most requests that came at a time. */
  readonly most: () => number
}

async function server(t: TestContext, manner: Manner): Promise<Server> {
  const connections: Connection[] = []
  let most = 0
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    const connection = new Connection(socket)
    connections.push(connection)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (piece: Buffer) => {
      const requests = `${text}${piece.toString('latin1')}`.split('\r\n\r\n')
      text = requests.pop()!
      const paths = requests.map((request) => request.split(' ', 2)[1]!)
      connection.asked += paths.length
      most = Math.max(most, paths.length)
      if (paths.length > 0) manner(paths, connection)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  const { port } = listener.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/`, connections, most: () => most }
}

const contentOf = (path: string): string => `the content of ${path}`.repeat(1 + (path.length % 3))

/** Fetches so many files, and asserts that each has its content. */
async function fetchFiles(t: TestContext, { url }: Server, count: number, patience = 10_000): Promise<void> {
  const into = openDirectory(temporaryDirectory(t))
  t.after(() => into.close())
  const transport = new HttpTransport(url, { throttle: new Throttle(Infinity), patience, jobs: 4 })
  t.after(() => transport.close())
  const wanted = Array.from({ length: count }, (_, i) => {
    const path = `f${i}`
    const content = contentOf(`/${path}`)
    return { path, size: content.length, hash: hash('sha256', content, 'buffer') }
  })
  const came = new Map<string, string>()
  for await (const fetched of transport.fetch(wanted, into)) {
    assert.ok(fetched.outcome === 'content', fetched.outcome)
    came.set(fetched.wanted.path, Buffer.from(fetched.content).toString())
  }
  assert.equal(came.size, count)
  for (const [path, content] of came) assert.equal(content, contentOf(`/${path}`))
}

suite('short files over HTTP', () => {
  test('are asked for together', async (t) => {
    const origin = await server(t, (paths, connection) => {
      for (const path of paths) connection.answer(path)
    })
    await fetchFiles(t, origin, 500)
    assert.ok(origin.most() > 4, `${origin.most()} at a time`)
    assert.ok(origin.connections.length <= 5, `${origin.connections.length} connections`)
  })

  test('all come from a server that closes a connection after some', async (t) => {
    for (const polite of [true, false]) {
      const origin = await server(t, (paths, connection) => {
        for (const path of paths) {
          if (connection.answered === 20) return connection.close()
          connection.answer(path, polite && connection.answered === 19 ? 'Connection: close\r\n' : '')
        }
      })
      await fetchFiles(t, origin, 300)
    }
  })

  test('are asked for one by one where that is all the server knows', async (t) => {
    let refused = 0
    const origin = await server(t, (paths, connection) => {
      if (paths.length === 1) return connection.answer(paths[0]!)
      refused++
      connection.close()
    })
    await fetchFiles(t, origin, 300)
    assert.ok(refused > 0 && refused <= 5, `${refused} refused`)
  })

  test('are asked for one by one where answers are mixed up', async (t) => {
    let together = 0
    const origin = await server(t, (paths, connection) => {
      if (paths.length > 1) together += paths.length
      for (const path of paths.toReversed()) connection.answer(path)
    })
    await fetchFiles(t, origin, 1000)
    assert.ok(together > 0 && together < 500, `${together} of 1000 together`)
  })

  test('are asked for again where the rest of what was asked together is never answered', async (t) => {
    const origin = await server(t, (paths, connection) => connection.answer(paths[0]!))
    await fetchFiles(t, origin, 40, 1000)
  })
})

/** In a thread: it gives up each connection a moment after an answer, while the one that asks may be busy. */
const hastyServer = `
  const { createServer } = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhasty')
      setTimeout(() => socket.destroy(), 20)
    })
  })
  listener.listen(0, '127.0.0.1', () => parentPort.postMessage(listener.address().port))`

test('a connection that the server gave up while nobody listened is no failure', async (t) => {
  const worker = new Worker(hastyServer, { eval: true })
  t.after(() => worker.terminate())
  const [port] = (await once(worker, 'message')) as [number]
  const transport = new HttpTransport(`http://127.0.0.1:${port}/`, { throttle: new Throttle(Infinity) })
  t.after(() => transport.close())
  for (const isShort of [false, false, false, true, true, true]) {
    const reading = await transport.read('file', { isShort })
    assert.ok(typeof reading !== 'string')
    for await (const piece of reading.body) assert.equal(Buffer.from(piece).toString(), 'hasty')
    // The connection is free again; then the close comes, and is not noticed.
    await setImmediate()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60)
  }
})
