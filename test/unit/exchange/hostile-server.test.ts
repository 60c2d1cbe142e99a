import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compare, pull, RemoteSet, type Fetch } from '../../../src/exchange/index.ts'
import { encodeSketch, general, SetRoot, Sketch } from '../../../src/reconcile/index.ts'
import { indexOf, serve, texts } from './served.ts'

/** A remote set whose answers `spoil` may change on their way. */
async function spoiled(
  items: string[],
  spoil: (response: Response, url: URL) => Response | Promise<Response>,
) {
  const { fetch } = await serve(items)
  const log: string[] = []
  const spoiling: Fetch = async (url, init) => {
    log.push(url)
    return spoil(await fetch(url, init), new URL(url))
  }
  return { remote: new RemoteSet('http://set.test/', { fetch: spoiling }), log }
}

async function changed(response: Response, change: (bytes: Uint8Array) => void): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  change(bytes)
  return new Response(bytes, { status: response.status, headers: response.headers })
}

const here = texts(0, 400)
const there = texts(20, 410)

suite('a remote set that lies', () => {
  test('about cells: the list of ids mends it', async () => {
    const { remote } = await spoiled(there, (response, url) =>
      url.pathname === '/sketch' ? changed(response, (bytes) => bytes.fill(0x55, 400, 900)) : response,
    )
    const difference = await pull(await indexOf(here), remote)
    assert.equal(difference.way, 'ids')
    assert.equal(difference.added.length, 10)
    assert.equal(difference.removed.length, 20)
  })

  test('about its root: an error, after a bounded number of requests', async () => {
    const { remote, log } = await spoiled(there, (response, url) =>
      url.pathname === '/sketch' && response.status !== 304
        ? changed(response, (bytes) => (bytes[30]! ^= 1))
        : response,
    )
    await assert.rejects(pull(await indexOf(here), remote), { code: 'conflict' })
    assert.ok(log.length <= 3 * 8, `${log.length} requests`)
  })

  test('about the number of its items: an error', async () => {
    const { remote } = await spoiled(there, (response, url) =>
      url.pathname === '/sketch' ? changed(response, (bytes) => (bytes[56]! ^= 4)) : response,
    )
    await assert.rejects(pull(await indexOf(here), remote), { code: 'conflict' })
  })

  test('about its items: an error', async () => {
    const { remote } = await spoiled(there, (response, url) =>
      url.pathname === '/items' ? changed(response, (bytes) => (bytes[3]! ^= 1)) : response,
    )
    await assert.rejects(pull(await indexOf(here), remote), { code: 'conflict' })
    const other = await spoiled(there, (response, url) =>
      url.pathname === '/compare'
        ? changed(response, (bytes) => (bytes[bytes.length - 200]! ^= 1))
        : response,
    )
    const difference = await compare(await indexOf(here), other.remote, { expected: 40 })
    assert.equal(difference.added.length, 10)
  })

  test('about its size: no allocation, a typed error', async () => {
    const { remote } = await spoiled(there, (response, url) =>
      url.pathname === '/sketch' ? changed(response, (bytes) => bytes.fill(0xff, 64, 68)) : response,
    )
    await assert.rejects(pull(await indexOf(here), remote), { code: 'corrupt' })
    const huge = await spoiled(there, (response, url) =>
      url.pathname === '/sketch'
        ? changed(response, (bytes) => bytes.fill(0xff, 56, 62))
        : new Response(endless(), { status: 200 }),
    )
    await assert.rejects(pull(await indexOf(here), huge.remote, { maxBytes: 1e6 }))
  })

  test('by never ending: a limit', async () => {
    for (const path of ['/sketch', '/items', '/ids', '/compare']) {
      const { remote } = await spoiled(there, (response, url) =>
        url.pathname === path ? new Response(endless(), { status: 206 }) : response,
      )
      const local = await indexOf(path === '/ids' ? texts(5000, 5400) : here)
      const way = path === '/compare' ? compare : pull
      const code = path === '/ids' ? 'conflict' : 'limit'
      await assert.rejects(way(local, remote, { maxBytes: 1e6 }), { code }, path)
    }
  })

  test('by sending short or empty answers', async () => {
    for (const path of ['/sketch', '/items', '/ids']) {
      for (const length of [0, 1, 79, 130]) {
        const { remote } = await spoiled(there, async (response, url) => {
          if (url.pathname !== path) return response
          const bytes = (await response.arrayBuffer()).slice(0, length)
          return new Response(bytes, { status: response.status, headers: response.headers })
        })
        const local = await indexOf(path === '/ids' ? texts(5000, 5400) : here)
        await assert.rejects(pull(local, remote), (error: { code: string }) => {
          assert.ok(['corrupt', 'conflict'].includes(error.code), `${path} ${length}: ${error.code}`)
          return true
        })
      }
    }
  })

  test('by answering with anything at all', async () => {
    const { remote } = await spoiled(there, () => new Response('<html>Not here</html>'))
    await assert.rejects(pull(await indexOf(here), remote), { code: 'corrupt' })
    const { remote: failing } = await spoiled(there, () => new Response('Try later', { status: 503 }))
    await assert.rejects(pull(await indexOf(here), failing), { code: 'unavailable', message: /Try later/ })
    const { remote: gone } = await spoiled(there, () => new Response(null, { status: 404 }))
    await assert.rejects(pull(await indexOf(here), gone), { code: 'missing' })
  })

  test('by changing all the time: a conflict, after three attempts', async () => {
    let tag = 0
    const { remote } = await spoiled(texts(0, 3000), (response) => {
      const headers = new Headers(response.headers)
      headers.set('etag', `"${tag++}"`)
      return new Response(response.body, { status: response.status, headers })
    })
    await assert.rejects(pull(await indexOf(texts(300, 3000)), remote), { code: 'conflict' })
    assert.equal(tag, 6)
  })

  test('by hanging: a time-out', async () => {
    const remote = new RemoteSet('http://set.test/', { fetch: never, timeout: 20 })
    await assert.rejects(pull(await indexOf(here), remote), { code: 'timeout' })
  })

  test('by being out of reach', async () => {
    const remote = new RemoteSet('http://127.0.0.1:9/')
    await assert.rejects(pull(await indexOf(here), remote), { code: 'unavailable' })
  })
})

suite('a contradictory sketch', () => {
  test('of ids that contradict each other ends in the list of ids', async () => {
    // Cells of a set the remote does not have, under the root of the one it has.
    const { remote } = await spoiled(there, async (response, url) => {
      if (url.pathname !== '/sketch') return response
      const salt = Uint8Array.from(
        (url.searchParams.get('salt') ?? '').match(/../g)!.map((pair) => Number.parseInt(pair, 16)),
      )
      const other = (await indexOf(texts(30, 420))).sketch({ salt, size: 1024, profile: general })
      const root = (await indexOf(there)).root
      const lie = new Sketch({ salt, size: 1024, profile: general })
      lie.cells.set(other.cells)
      lie.root.combine(SetRoot.of(root.count, root.sum()), 1)
      return new Response(encodeSketch(lie).slice(0, 1690), { status: 206 })
    })
    await assert.rejects(pull(await indexOf(here), remote), { code: 'conflict' })
  })
})

suite('cancelling', () => {
  test('ends a pull with the reason as its cause', async () => {
    const stop = new AbortController()
    const fetch: Fetch = (_, { signal }) => {
      queueMicrotask(() => stop.abort(new Error('enough')))
      return new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    }
    const remote = new RemoteSet('http://set.test/', { fetch, signal: stop.signal })
    await assert.rejects(pull(await indexOf(here), remote), { code: 'cancelled', cause: new Error('enough') })
    await assert.rejects(pull(await indexOf(here), remote), { code: 'cancelled' })
  })
})

/** A server that accepts and then says nothing. */
function never(_: string, { signal }: RequestInit): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(65_536))
    },
  })
}
