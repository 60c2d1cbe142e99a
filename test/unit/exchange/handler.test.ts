import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  acceptInto,
  pull,
  push,
  reconcile,
  RemoteSet,
  ServedIndex,
  setHandler,
} from '../../../src/exchange/index.ts'
import { decodeHeader, encodeSketch, general, peel, Sketch } from '../../../src/reconcile/index.ts'
import { bytesOf, indexOf, serve, textOf, texts, type Served } from './served.ts'

const salt = '00112233445566778899aabbccddeeff'

async function ask({ fetch }: Served, path: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(`http://set.test${path}`, init)
}

suite('the handler', () => {
  test('refuses what makes no sense, in one line', async () => {
    const set = await serve(texts(0, 100))
    const cases: [string, RequestInit, number][] = [
      ['/sketch', {}, 400],
      ['/sketch?salt=12', {}, 400],
      [`/sketch?salt=${salt}&profile=best`, {}, 400],
      [`/sketch?salt=${salt}`, { method: 'POST', body: 'x' }, 404],
      ['/other', {}, 404],
      ['/ids', {}, 400],
      [`/items?salt=${salt}`, { method: 'POST', body: 'seven b' }, 400],
      ['/compare', { method: 'POST', body: 'no sketch' }, 400],
      ['/compare', { method: 'POST' }, 400],
      [`/push?salt=${salt}`, { method: 'POST', body: 'x' }, 403],
    ]
    for (const [path, init, status] of cases) {
      const response = await ask(set, path, init)
      assert.equal(response.status, status, path)
      assert.match(await response.text(), /^[^\n]+\n$/)
    }
  })

  test('serves ranges as a file would', async () => {
    const set = await serve(texts(0, 100))
    const path = `/sketch?salt=${salt}`
    const whole = new Uint8Array(await (await ask(set, path)).arrayBuffer())
    assert.equal(decodeHeader(whole).root.count, 100)
    for (const [range, from, to] of [
      ['bytes=0-71', 0, 72],
      ['bytes=100-', 100, whole.length],
      ['bytes=-10', whole.length - 10, whole.length],
      ['bytes=5-99999999', 5, whole.length],
    ] as const) {
      const response = await ask(set, path, { headers: { range } })
      assert.equal(response.status, 206)
      assert.equal(response.headers.get('content-range'), `bytes ${from}-${to - 1}/${whole.length}`)
      assert.deepEqual(new Uint8Array(await response.arrayBuffer()), whole.slice(from, to))
    }
    for (const range of ['bytes=99999999-', 'bytes=5-4']) {
      assert.equal((await ask(set, path, { headers: { range } })).status, 416)
    }
    for (const range of ['bytes=0-1,4-5', 'lines=1-2', 'bytes=-']) {
      assert.equal((await ask(set, path, { headers: { range } })).status, 200)
    }
  })

  test('limits bodies and sketches', async () => {
    const set = await serve(texts(0, 100), { maxBody: 1000, maxCells: 64 })
    const long = { method: 'POST', body: new Uint8Array(1008) }
    assert.equal((await ask(set, `/items?salt=${salt}`, long)).status, 413)
    const index = await indexOf(texts(0, 10))
    const sketch = encodeSketch(index.sketch({ salt: new Uint8Array(16), size: 65 }))
    assert.equal((await ask(set, '/compare', { method: 'POST', body: sketch })).status, 413)
  })

  test('makes a sketch once for all ranges of a salt', async () => {
    const index = await indexOf(texts(0, 5000))
    let sketches = 0
    class Counting extends ServedIndex<string> {
      override sketch(...parameters: Parameters<ServedIndex<string>['sketch']>): Sketch {
        sketches++
        return super.sketch(...parameters)
      }
    }
    const handler = setHandler(new Counting(index, bytesOf))
    const remote = new RemoteSet('http://set.test/', {
      fetch: (url, init) => handler(new Request(url, init)),
    })
    assert.equal((await pull(await indexOf(texts(500, 5000)), remote)).added.length, 500)
    assert.equal(sketches, 1)
  })

  test('decodes hostile sketches in bounded work', async () => {
    const set = await serve(texts(0, 100))
    const random = new Sketch({ salt: new Uint8Array(16), size: 4096 })
    for (let at = 0; at < random.cells.length; at++) random.cells[at] = Math.imul(at + 1, 0x9e3779b9)
    const response = await ask(set, '/compare', { method: 'POST', body: encodeSketch(random) })
    const answer = new Uint8Array(await response.arrayBuffer())
    assert.equal(answer[0], 1, 'it asks for more cells')
    // All cells hold the same valid id, which belongs in some of them only.
    const one = (await indexOf(['x'])).sketch({ salt: new Uint8Array(16), size: 1 })
    const same = new Sketch({ salt: new Uint8Array(16), size: 4096 })
    for (let at = 0; at < same.cells.length; at++) same.cells[at] = one.cells[at % 3]!
    assert.equal(peel(same), undefined)
  })
})

suite('push', () => {
  const options = { serialize: bytesOf }

  test('makes the remote set equal', async () => {
    const index = await indexOf(texts(0, 1000))
    const served = new ServedIndex(index, bytesOf)
    const handler = setHandler(served, { accept: acceptInto(index, { deserialize: textOf }) })
    const remote = 'http://set.test/sets/a'
    const fetch = (url: string, init: RequestInit): Promise<Response> => handler(new Request(url, init))
    const local = texts(40, 1010)
    const done = await push({ local, remote, fetch, ...options })
    assert.equal(done.sent, 10)
    assert.equal(done.takenOut, 40)
    const items = Array.from({ length: index.size }, (_, entry) => index.item(entry))
    assert.deepEqual(items.toSorted(), local.toSorted())
    const again = await push({ local, remote, fetch, ...options })
    assert.deepEqual([again.sent, again.takenOut, again.cost.requests], [0, 0, 1])
    const { way } = await reconcile({ local, remote, fetch, deserialize: textOf, ...options })
    assert.equal(way, 'equal')
  })

  test('is refused where nothing is accepted, and noticed where nothing happens', async () => {
    const { fetch } = await serve(texts(0, 10))
    const remote = 'http://set.test/'
    await assert.rejects(push({ local: texts(0, 5), remote, fetch, ...options }), { code: 'denied' })
    const lazy = await serve(texts(0, 10), { accept: () => undefined })
    await assert.rejects(push({ local: texts(0, 5), remote, fetch: lazy.fetch, ...options }), {
      code: 'conflict',
    })
  })
})

test('the general profile is what a request without one gets', async () => {
  const set = await serve(texts(0, 10))
  const bytes = new Uint8Array(await (await ask(set, `/sketch?salt=${salt}`)).arrayBuffer())
  assert.equal(decodeHeader(bytes).profile, general)
})
