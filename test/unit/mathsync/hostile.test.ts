import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  defaultScheme,
  Filter,
  FullContent,
  paddedSelector,
  parseSummary,
  resolve,
  sha1,
  summarizeItems,
  summarizeUrl,
  summaryHandler,
  textDeserializer,
  textSerializer,
  type Scheme,
} from '../../../src/mathsync/index.ts'
import { isTidemarkError } from '../../../src/errors.ts'

const serialize = textSerializer()
const deserialize = textDeserializer()
const item = serialize('key0:value0')

function at(cells: [number, Uint8Array, Uint8Array][]): Filter {
  return new Filter(cells.map(([count, xor, hash]) => ({ count, xor, hash })))
}

suite('a hostile summary', () => {
  const none = new Uint8Array(0)

  test('with an item where it does not belong ends', () => {
    const picked = new Set(defaultScheme.selector(item, 16))
    const foreign = Array.from({ length: 16 }, (_, cell) => cell).find((cell) => !picked.has(cell))!
    const cells: [number, Uint8Array, Uint8Array][] = Array.from({ length: 16 }, () => [0, none, none])
    cells[foreign] = [1, item, sha1(item)]
    assert.equal(at(cells).toDifference(), undefined)
    for (const count of [1, -1]) {
      const everywhere = cells.map((): (typeof cells)[0] => [count, item, sha1(item)])
      assert.equal(at(everywhere).toDifference(), undefined)
    }
  })

  test('with a long content of zeros costs a bounded amount of work', () => {
    const long = new Uint8Array(200_000)
    assert.throws(() => at([[1, long, new Uint8Array(20).fill(1)]]).toDifference(), { code: 'limit' })
  })

  test('of any shape is refused or decoded, and never believed twice', () => {
    const bytes = fc.uint8Array({ maxLength: 12 })
    const cell = fc.tuple(fc.integer({ min: -3, max: 3 }), bytes, bytes)
    const pure = bytes.map((content): [number, Uint8Array, Uint8Array] => [1, content, sha1(content)])
    fc.assert(
      fc.property(fc.array(fc.oneof(cell, pure), { minLength: 1, maxLength: 16 }), (cells) => {
        const difference = at(cells).toDifference()
        if (difference === undefined) return
        const back = Filter.empty(cells.length).plusMany(difference.added).minusMany(difference.removed)
        back.cells.forEach(({ count, hash }, place) => {
          assert.equal(count, cells[place]![0])
          const padded = new Uint8Array(Math.max(20, cells[place]![2].length))
          padded.set(cells[place]![2])
          const mine = new Uint8Array(padded.length)
          mine.set(hash)
          assert.deepEqual(mine, padded)
        })
      }),
      { numRuns: 500 * Number(process.env['TIDEMARK_FUZZ'] ?? 1) },
    )
  })

  test('that is no summary is corrupt', () => {
    for (const json of [
      '',
      'null',
      '1',
      '"x"',
      '[]',
      '{}',
      '{"added":[]}',
      '{"added":[1],"removed":[]}',
      '{"added":{},"removed":[]}',
      '[[1]]',
      '[[1.5,"",""]]',
      '[["1","",""]]',
      '[[1,"*",""]]',
      '[[1,"AA",""]]',
      '[[1,null,""]]',
      '[[1e300,"",""]]',
    ]) {
      assert.throws(() => parseSummary(json), { code: 'corrupt' }, json)
    }
    assert.throws(() => parseSummary('[[0,"",""],[0,"",""]]', defaultScheme, 3), { code: 'corrupt' })
    fc.assert(
      fc.property(fc.json(), (json) => {
        try {
          parseSummary(json)
        } catch (error) {
          assert.ok(isTidemarkError(error, 'corrupt'))
        }
      }),
    )
  })

  test('that can never be decoded ends at the highest level asked for', async () => {
    const asked: number[] = []
    const remote = async (level: number): Promise<Filter> => {
      asked.push(level)
      return at(Array.from({ length: 2 ** level }, () => [2, item, sha1(item)]))
    }
    const options = { local: [], serialize, deserialize, remote, maxLevel: 6 }
    await assert.rejects(resolve(options), { code: 'limit' })
    assert.deepEqual(asked, [0, 1, 2, 3, 4, 5, 6])
    await assert.rejects(resolve({ ...options, maxLevel: 99 }), { code: 'usage' })
  })
})

function from(fetch: () => Promise<Response>): Promise<unknown> {
  return summarizeUrl('http://old.test/summary', { fetch, maxBytes: 100 })(0)
}

suite('summaries', () => {
  const words = fc.uniqueArray(fc.string({ maxLength: 8 }), { maxLength: 60 })
  const md: Scheme = { digest: (bytes) => sha1(bytes).slice(0, 8), selector: paddedSelector(sha1, 5) }

  test('resolve any two sets, under any scheme', async () => {
    await fc.assert(
      fc.asyncProperty(words, words, fc.constantFrom(defaultScheme, md), async (a, b, scheme) => {
        const handler = summaryHandler(summarizeItems(a, { serialize, scheme }))
        const fetch = (url: string, init: RequestInit): Promise<Response> => handler(new Request(url, init))
        const remote = summarizeUrl('http://old.test/summary', { fetch, scheme })
        const { added, removed } = await resolve({ local: b, serialize, deserialize, remote })
        assert.deepEqual(new Set(added), new Set(a.filter((word) => !b.includes(word))))
        assert.deepEqual(new Set(removed), new Set(b.filter((word) => !a.includes(word))))
      }),
      { numRuns: 60 * Number(process.env['TIDEMARK_FUZZ'] ?? 1) },
    )
  })

  test('are values, linear, and merge', () => {
    fc.assert(
      fc.property(words, words, fc.integer({ min: 1, max: 40 }), (a, b, size) => {
        const [x, y] = [a.map(serialize), b.map(serialize)]
        const empty = Filter.empty(size)
        const before = JSON.stringify(empty)
        const sum = empty.plusMany(x).merge(empty.plusMany(y))
        assert.deepEqual(sum.toJSON(), empty.plusMany(y).plusMany(x).toJSON())
        const nothing = sum.minusMany(y).minusMany(x)
        assert.deepEqual(nothing.toDifference(), { added: [], removed: [] })
        assert.equal(JSON.stringify(empty), before)
      }),
    )
    assert.throws(() => Filter.empty(4).merge(Filter.empty(8)), { code: 'usage' })
    assert.throws(() => Filter.empty(4).merge(new FullContent()), { code: 'usage' })
    assert.throws(() => new FullContent().merge(Filter.empty(4)), { code: 'usage' })
    const full = new FullContent().plus(item).merge(new FullContent().minus(item))
    assert.deepEqual(full.toDifference(), { added: [], removed: [] })
  })

  test("leave the items of a caller as they are, Node's Buffers too", async () => {
    const items = ['a', 'bb', 'ccc', 'dddd'].map((text) => Buffer.from(text))
    const summarize = summarizeItems(items, { serialize: (buffer) => buffer })
    const remote = await summarize(1)
    assert.deepEqual(remote.minusMany(items).toDifference(), { added: [], removed: [] })
    assert.deepEqual(items.map(String), ['a', 'bb', 'ccc', 'dddd'])
  })

  test('are served only where they should be', async () => {
    const handler = summaryHandler(summarizeItems(['a'], { serialize }))
    const status = async (path: string, method = 'GET'): Promise<number> =>
      (await handler(new Request(`http://old.test${path}`, { method }))).status
    assert.equal(await status('/summary/3'), 200)
    assert.equal(await status('/summary/23'), 400)
    assert.equal(await status('/summary/-1'), 404)
    assert.equal(await status('/summary/x'), 404)
    assert.equal(await status('/summary/3', 'POST'), 404)
  })

  test('tell a failing server from a failing network', async () => {
    await assert.rejects(
      from(async () => new Response(null, { status: 404 })),
      { code: 'missing' },
    )
    await assert.rejects(
      from(async () => new Response(null, { status: 500 })),
      { code: 'unavailable' },
    )
    await assert.rejects(
      from(async () => new Response('x'.repeat(101))),
      { code: 'limit' },
    )
    await assert.rejects(
      from(() => Promise.reject(new TypeError('fetch failed'))),
      { code: 'unavailable' },
    )
    await assert.rejects(
      from(async () => new Response('<html>')),
      { code: 'corrupt' },
    )
  })
})
