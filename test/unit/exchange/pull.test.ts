import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compare, pull, RemoteSet, ServedIndex } from '../../../src/exchange/index.ts'
import { encodeSketch, idToHex, large, sketchKey } from '../../../src/reconcile/index.ts'
import { bytesOf, indexOf, serve, textOf, texts } from './served.ts'

const runs = { numRuns: 40 * Number(process.env['TIDEMARK_FUZZ'] ?? 1) }
const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 3000 }), { maxLength: 600 })

function named(items: Iterable<number>): string[] {
  return Array.from(items, (item) => `item ${item}`)
}

suite('pull', () => {
  test('finds any difference of any two sets', async () => {
    await fc.assert(
      fc.asyncProperty(
        numbers,
        numbers,
        numbers,
        fc.constantFrom(1, 10, 122),
        fc.constantFrom(pull, compare),
        async (common, mine, theirs, firstCells, way) => {
          const here = named(new Set([...common, ...mine]))
          const there = named(new Set([...common, ...theirs]))
          const local = await indexOf(here)
          const { remote, index } = await serve(there)
          const { added, removed, proven, root } = await way(local, remote(), { firstCells })
          assert.deepEqual(new Set(added.map(textOf)), new Set(there.filter((item) => !here.includes(item))))
          const lost = removed.map((entry) => local.item(entry))
          assert.deepEqual(new Set(lost), new Set(here.filter((item) => !there.includes(item))))
          assert.equal(added.length + here.length - removed.length, there.length)
          assert.ok(proven)
          assert.ok(root.equals(index.root))
        },
      ),
      runs,
    )
  })

  test('equal sets cost one round trip and no payload', async () => {
    const { remote, log } = await serve(texts(0, 5000))
    const difference = await pull(await indexOf(texts(0, 5000)), remote())
    assert.equal(difference.way, 'equal')
    assert.deepEqual(difference.cost, { requests: 1, bytesSent: 0, bytesReceived: 0 })
    assert.deepEqual(log, ['GET /base/sketch'])
  })

  test('a small difference costs one round trip, and one for its items', async () => {
    const { remote, log } = await serve(texts(0, 5000))
    const local = await indexOf(texts(5, 5002))
    const difference = await pull(local, remote())
    assert.deepEqual(difference.added.map(textOf).toSorted(), texts(0, 5).toSorted())
    assert.deepEqual(difference.removed.map((entry) => local.item(entry)).toSorted(), texts(5000, 5002))
    assert.equal(difference.way, 'sketch')
    assert.deepEqual(log, ['GET /base/sketch', 'POST /base/items'])
    assert.ok(difference.cost.bytesReceived < 2000, `${difference.cost.bytesReceived} bytes`)
  })

  test('a large difference costs one round trip more, whatever its size', async () => {
    const { remote, log } = await serve(texts(0, 30_000))
    const difference = await pull(await indexOf(texts(2000, 30_000)), remote(), { profile: large })
    assert.equal(difference.added.length, 2000)
    assert.deepEqual(log.slice(0, 2), ['GET /base/sketch', 'GET /base/sketch'])
    assert.ok(log.length <= 4, log.join())
  })

  test('removed items alone need no second step', async () => {
    const { remote, log } = await serve(texts(0, 1000))
    const difference = await pull(await indexOf(texts(0, 1010)), remote())
    assert.equal(difference.removed.length, 10)
    assert.deepEqual(log, ['GET /base/sketch'])
  })

  test('sets with nothing in common come by their ids', async () => {
    const { remote, log } = await serve(texts(0, 3000))
    const difference = await pull(await indexOf(texts(3000, 6000)), remote())
    assert.equal(difference.way, 'ids')
    assert.equal(difference.added.length, 3000)
    assert.equal(difference.removed.length, 3000)
    assert.ok(log.includes('GET /base/ids'))
  })

  test('the sketch kept ready serves, through changes', async () => {
    const { remote, served, index } = await serve(texts(0, 2000), { liveSalt: false })
    served.openEpoch(1024)
    for (const item of texts(2000, 2300)) index.add(digest(item), item)
    for (const item of texts(0, 100)) index.delete(digest(item))
    const difference = await pull(await indexOf(texts(0, 2000)), remote(), { salt: 'epoch' })
    assert.equal(difference.added.length, 300)
    assert.equal(difference.removed.length, 100)
    await assert.rejects(pull(await indexOf(texts(0, 10)), remote()), { code: 'denied' })
  })

  test('items beyond the size of an answer are asked for again', async () => {
    const { remote, log } = await serve(texts(0, 1000), { maxAnswer: 500 })
    const difference = await pull(await indexOf(texts(100, 1000)), remote())
    assert.equal(difference.added.length, 100)
    assert.ok(log.filter((line) => line.startsWith('POST')).length >= 3)
  })

  test('small items come inline when the other side decodes', async () => {
    const { remote, log } = await serve(texts(0, 5000))
    const local = await indexOf(texts(3, 5004))
    const difference = await compare(local, remote())
    assert.deepEqual(difference.added.map(textOf).toSorted(), texts(0, 3))
    assert.equal(difference.removed.length, 4)
    assert.deepEqual(log, ['POST /base/compare'])
    const again = await serve(texts(0, 5000), { inline: 2 })
    assert.equal((await compare(local, again.remote())).added.length, 3)
    assert.deepEqual(again.log, ['POST /base/compare', 'POST /base/items'])
  })

  test('a wrong expectation costs another comparison or two', async () => {
    const { remote, log } = await serve(texts(0, 5000))
    const difference = await compare(await indexOf(texts(300, 5000)), remote())
    assert.equal(difference.added.length, 300)
    assert.ok(log.every((line) => line === 'POST /base/compare'))
    assert.ok(log.length <= 4, log.join())
  })
})

suite('pull from a sketch file', () => {
  const salt = new Uint8Array(16).fill(7)

  async function file(items: string[], size: number): Promise<RemoteSet> {
    const index = await indexOf(items)
    const bytes = encodeSketch(index.sketch({ salt, size }))
    return new RemoteSet('http://files.test/set.sketch', {
      file: true,
      fetch: async (_, { headers }) => {
        const range = new Headers(headers).get('range')!.slice(6).split('-').map(Number)
        return new Response(bytes.slice(range[0], range[1]! + 1), { status: 206 })
      },
    })
  }

  test('yields ids, and items from elsewhere', async () => {
    const all = texts(0, 900)
    const local = await indexOf(texts(50, 910))
    const remote = await file(all, 512)
    const ids = await pull(local, remote, { items: false })
    assert.equal(ids.addedIds.length, 100)
    assert.equal(ids.proven, false)
    const key = sketchKey(salt)
    const whole = await indexOf(all)
    const names = Array.from({ length: 50 }, (_, at) => {
      const [lo, hi] = [ids.addedIds[2 * at]!, ids.addedIds[2 * at + 1]!]
      assert.match(idToHex(lo, hi), /^[0-9a-f]{16}$/)
      return whole.item(whole.find(key, lo, hi))
    })
    assert.deepEqual(names.toSorted(), texts(0, 50).toSorted())
    const served = new ServedIndex(whole, bytesOf)
    const difference = await pull(local, remote, { fetchItems: async (key, ids) => served.items(key, ids) })
    assert.ok(difference.proven)
    assert.equal(difference.added.length, 50)
  })

  test('says when it has too few cells', async () => {
    const remote = await file(texts(0, 900), 40)
    await assert.rejects(pull(await indexOf([]), remote, { items: false }), { code: 'limit' })
  })

  test('is no set', async () => {
    const remote = await file(texts(0, 900), 1024)
    await assert.rejects(pull(await indexOf(texts(3, 900)), remote), { code: 'unsupported' })
  })

  test('may come from a server that knows no ranges', async () => {
    const bytes = encodeSketch((await indexOf(texts(0, 500))).sketch({ salt, size: 700 }))
    const remote = new RemoteSet('http://files.test/set.sketch', {
      file: true,
      fetch: async () => new Response(bytes),
    })
    const difference = await pull(await indexOf(texts(0, 700)), remote)
    assert.equal(difference.removed.length, 200)
    assert.equal(difference.cost.requests, 1)
  })
})

function digest(item: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(item).digest())
}

test('the handler serves what an index holds at the moment', async () => {
  const { index, remote } = await serve(texts(0, 10))
  index.add(digest('late'), 'late')
  const difference = await pull(await indexOf(texts(0, 10)), remote())
  assert.deepEqual(difference.added.map(textOf), ['late'])
})
