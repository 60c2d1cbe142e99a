import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { idOf, type Id } from '../../../src/object/id.ts'
import { CachingStore } from '../../../src/store/caching-store.ts'
import { LayeredStore } from '../../../src/store/layered-store.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { pattern, rejects } from '../../suites/bucket-suite.ts'
import { storeSuite } from '../../suites/store-suite.ts'

for (const capacity of [0, 3000, 100_000_000]) {
  storeSuite(`caching, ${capacity} bytes`, () => {
    const below = new MemoryStore()
    return {
      store: new CachingStore(below, capacity),
      fill: (id, bytes) => below.put(id, bytes),
      damage: (id) => spoil(below, id),
    }
  })
}

storeSuite('a cache over a row of caches', () => {
  const stores = [new MemoryStore(), new MemoryStore()]
  const row = new LayeredStore(stores.map((store) => new CachingStore(store, 10_000)))
  return {
    store: new CachingStore(row, 20_000),
    fill: (id, bytes) => stores[id.charCodeAt(0) % 2]!.put(id, bytes),
    damage: (id) => spoil(stores[id.charCodeAt(0) % 2]!, id),
  }
})

/** What is given out is shared with the store: to change it, which nobody may, spoils the store. */
async function spoil(store: MemoryStore, id: Id): Promise<void> {
  const shared = await store.get(id)
  shared[0]! ^= 1
}

/** Counts the calls that reach the store below. */
class Counted implements Store {
  readonly store: Store
  gets: Id[] = []
  constructor(store: Store) {
    this.store = store
  }
  get(id: Id): Promise<Uint8Array> {
    this.gets.push(id)
    return this.store.get(id)
  }
  has(ids: readonly Id[]): Promise<Set<Id>> {
    return this.store.has(ids)
  }
}

async function filled(sizes: readonly number[]): Promise<{ below: Counted; ids: Id[] }> {
  const store = new MemoryStore()
  const chunks = sizes.map((size, at) => pattern(size, at))
  for (const bytes of chunks) await store.put(idOf(bytes), bytes)
  return { below: new Counted(store), ids: chunks.map((bytes) => idOf(bytes)) }
}

suite('CachingStore', () => {
  test('asks for a chunk once', async () => {
    const { below, ids } = await filled([1000])
    const cache = new CachingStore(below, 100_000)
    for (let i = 0; i < 3; i++) await cache.get(ids[0]!)
    assert.equal(below.gets.length, 1)
  })

  test('drops what was used longest ago', async () => {
    const { below, ids } = await filled([744, 744, 744, 744, 744])
    const [a, b, c, d, e] = ids as [Id, Id, Id, Id, Id]
    const cache = new CachingStore(below, 4000)
    for (const id of [a, b, c, d]) await cache.get(id)
    assert.equal(cache.held, 4000)
    await cache.get(a)
    await cache.get(e)
    below.gets = []
    for (const id of [a, c, d, e]) await cache.get(id)
    assert.deepEqual(below.gets, [])
    await cache.get(b)
    assert.deepEqual(below.gets, [b])
  })

  test('keeps no chunk that would fill much of it', async () => {
    const { below, ids } = await filled([100_000, 10])
    const cache = new CachingStore(below, 100_000)
    await cache.get(ids[1]!)
    await cache.get(ids[0]!)
    await cache.get(ids[0]!)
    assert.equal(below.gets.length, 3)
    await cache.get(ids[1]!)
    assert.equal(below.gets.length, 3)
  })

  test('keeps a copy of a view, not the buffer around it', async () => {
    const around = pattern(1_000_000)
    const chunk = around.subarray(500, 600)
    const cache = new CachingStore({ get: async () => chunk, has: async () => new Set() }, 10_000)
    await cache.get(idOf(chunk))
    const cached = await cache.get(idOf(chunk))
    assert.deepEqual(cached, new Uint8Array(chunk))
    assert.equal(cached.buffer.byteLength, 100)
  })

  test('is bounded when the same chunks come at once', async () => {
    const { below, ids } = await filled([500, 600])
    const cache = new CachingStore(below, 10_000)
    await Promise.all(Array.from({ length: 20 }, (_, at) => cache.get(ids[at % 2]!)))
    assert.equal(cache.held, 500 + 600 + 2 * 256)
  })

  test('believes its own memory about no chunk that is gone below', async () => {
    const chunk = pattern(10)
    let here = true
    const below: Store = { get: async () => chunk, has: async (ids) => new Set(here ? ids : []) }
    const cache = new CachingStore(below, 10_000)
    await cache.get(idOf(chunk))
    here = false
    assert.deepEqual(await cache.has([idOf(chunk)]), new Set())
  })

  test('remembers no failure', async () => {
    const below = new MemoryStore()
    const cache = new CachingStore(below, 10_000)
    await rejects(cache.get(idOf(pattern(10))), 'missing')
    await below.put(idOf(pattern(10)), pattern(10))
    assert.deepEqual(await cache.get(idOf(pattern(10))), pattern(10))
  })

  test('keeps what a list in the order of use would keep', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(20_000),
        fc.array(fc.nat(3000), { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(11), { maxLength: 60 }),
        async (capacity, sizes, order) => {
          const { below, ids } = await filled(sizes)
          const cache = new CachingStore(below, capacity)
          let model: { id: Id; cost: number }[] = []
          for (const step of order) {
            const at = step % ids.length
            const used = { id: ids[at]!, cost: sizes[at]! + 256 }
            const isKept = model.some(({ id }) => id === used.id)
            below.gets = []
            await cache.get(used.id)
            assert.deepEqual(below.gets, isKept ? [] : [used.id])
            if (!isKept && used.cost > capacity / 4) continue
            model = [...model.filter(({ id }) => id !== used.id), used]
            while (total(model) > capacity) model.shift()
            assert.equal(cache.held, total(model))
          }
        },
      ),
      { numRuns: 100 * Number(process.env['TIDEMARK_FUZZ'] ?? 1) },
    )
  })
})

function total(entries: readonly { cost: number }[]): number {
  return entries.reduce((sum, { cost }) => sum + cost, 0)
}
