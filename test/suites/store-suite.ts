import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '../../src/errors.ts'
import { idOf, type Id } from '../../src/object/id.ts'
import type { Store, WritableStore } from '../../src/store/store.ts'
import { pattern, rejects } from './bucket-suite.ts'

/** An empty store, and the ways of a test to change what it holds. */
export interface StoreUnderTest {
  readonly store: Store
  /** Has the chunk be in the store from now on. */
  readonly fill: (id: Id, bytes: Uint8Array) => Promise<void>
  /** Spoils what the store holds of a chunk that is not empty, in one of its places at least. */
  readonly damage: (id: Id) => Promise<void>
}

export type MakeStore = (t: TestContext) => StoreUnderTest | Promise<StoreUnderTest>

/** What every store must do, whatever it is made of. Run it on each implementation and on compositions. */
export function storeSuite(name: string, make: MakeStore): void {
  suite(`store: ${name}`, () => {
    test('gives the chunks it holds, of many sizes', async (t) => {
      const { store, fill } = await make(t)
      const chunks = [0, 1, 2, 100, 4096, 70_000, 1_000_001].map((size) => pattern(size))
      for (const bytes of chunks) await fill(idOf(bytes), bytes)
      for (const bytes of chunks) {
        const got = await store.get(idOf(bytes))
        assert.equal(Buffer.compare(got, bytes), 0, `size ${bytes.length}`)
      }
    })

    test('gives the same chunk again and again', async (t) => {
      const { store, fill } = await make(t)
      const bytes = pattern(1000)
      await fill(idOf(bytes), bytes)
      for (let i = 0; i < 5; i++) assert.deepEqual(new Uint8Array(await store.get(idOf(bytes))), bytes)
      const many = await Promise.all(Array.from({ length: 50 }, () => store.get(idOf(bytes))))
      for (const got of many) assert.deepEqual(new Uint8Array(got), bytes)
    })

    test('rejects missing for a chunk that it does not hold', async (t) => {
      const { store, fill } = await make(t)
      await rejects(store.get(idOf(pattern(5))), 'missing')
      await fill(idOf(pattern(6)), pattern(6))
      await rejects(store.get(idOf(pattern(5))), 'missing')
      await rejects(store.get('\0'.repeat(32)), 'missing')
    })

    test('gives a chunk that came after it was found missing', async (t) => {
      const { store, fill } = await make(t)
      const bytes = pattern(5)
      await rejects(store.get(idOf(bytes)), 'missing')
      assert.deepEqual(await store.has([idOf(bytes)]), new Set())
      await fill(idOf(bytes), bytes)
      assert.deepEqual(new Uint8Array(await store.get(idOf(bytes))), bytes)
      assert.deepEqual(await store.has([idOf(bytes)]), new Set([idOf(bytes)]))
    })

    test('knows which of many chunks it has', async (t) => {
      const { store, fill } = await make(t)
      const chunks = Array.from({ length: 300 }, (_, at) => pattern(50 + at))
      const ids = chunks.map((bytes) => idOf(bytes))
      for (const [at, bytes] of chunks.entries()) if (at % 3 === 0) await fill(ids[at]!, bytes)
      const expected = new Set(ids.filter((_, at) => at % 3 === 0))
      assert.deepEqual(await store.has(ids), expected)
      assert.deepEqual(await store.has([...ids, ...ids.toReversed()]), expected)
      assert.deepEqual(await store.has([]), new Set())
      assert.deepEqual(await store.has([ids[1]!]), new Set())
      assert.deepEqual(await store.has([ids[0]!, ids[0]!]), new Set([ids[0]!]))
    })

    test('rejects cancelled when its signal was aborted before', async (t) => {
      const { store, fill } = await make(t)
      const bytes = pattern(10)
      await fill(idOf(bytes), bytes)
      const signal = AbortSignal.abort()
      await rejects(store.get(idOf(bytes), { signal }), 'cancelled')
      await rejects(store.has([idOf(bytes)], { signal }), 'cancelled')
      assert.deepEqual(new Uint8Array(await store.get(idOf(bytes))), bytes)
    })

    test('never gives bytes that were spoilt', async (t) => {
      const { store, fill, damage } = await make(t)
      const bytes = pattern(1000)
      const other = pattern(1000, 1)
      await fill(idOf(bytes), bytes)
      await fill(idOf(other), other)
      await damage(idOf(bytes))
      // Spoilt in one of its places, it may still come whole from another.
      try {
        assert.deepEqual(new Uint8Array(await store.get(idOf(bytes))), bytes)
      } catch (error) {
        assert.ok(isTidemarkError(error, 'corrupt'), String(error))
      }
      assert.deepEqual(new Uint8Array(await store.get(idOf(other))), other)
    })

    test('holds what it was filled with, whatever that is', async (t) => {
      const { store, fill } = await make(t)
      const held = new Map<Id, Uint8Array>()
      await fc.assert(
        fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), async (chunks) => {
          for (const [at, chunk] of chunks.entries()) {
            const bytes = new Uint8Array(chunk)
            const id = idOf(bytes)
            if (at % 2 === 0) await fill(id, bytes)
            if (at % 2 === 0) held.set(id, bytes)
            assert.equal((await store.has([id])).has(id), held.has(id))
            if (held.has(id)) assert.deepEqual(new Uint8Array(await store.get(id)), bytes)
            else await rejects(store.get(id), 'missing')
          }
        }),
        { numRuns: 20 * Number(process.env['TIDEMARK_FUZZ'] ?? 1) },
      )
      for (const [id, bytes] of held) assert.deepEqual(new Uint8Array(await store.get(id)), bytes)
    })
  })
}

export type MakeWritableStore = (t: TestContext) => WritableStore | Promise<WritableStore>

/** {@link storeSuite}, and what a store must do besides that takes chunks in. */
export function writableStoreSuite(
  name: string,
  make: MakeWritableStore,
  damage: (store: WritableStore, id: Id) => Promise<void>,
): void {
  storeSuite(name, async (t) => {
    const store = await make(t)
    return { store, fill: (id, bytes) => store.put(id, bytes), damage: (id) => damage(store, id) }
  })

  suite(`writable store: ${name}`, () => {
    test('takes the same chunk many times, and at once', async (t) => {
      const store = await make(t)
      const bytes = pattern(5000)
      await Promise.all(Array.from({ length: 20 }, () => store.put(idOf(bytes), bytes)))
      await store.put(idOf(bytes), bytes)
      await store.flush()
      await store.put(idOf(bytes), bytes)
      assert.deepEqual(new Uint8Array(await store.get(idOf(bytes))), bytes)
    })

    test('gives a chunk before and after it was flushed', async (t) => {
      const store = await make(t)
      const chunks = Array.from({ length: 50 }, (_, at) => pattern(1000 + at))
      for (const bytes of chunks) {
        await store.put(idOf(bytes), bytes)
        assert.deepEqual(new Uint8Array(await store.get(idOf(bytes))), bytes)
      }
      await store.flush()
      for (const bytes of chunks) assert.deepEqual(new Uint8Array(await store.get(idOf(bytes))), bytes)
    })

    test('keeps its own copy of what was put', async (t) => {
      const store = await make(t)
      const bytes = pattern(1000)
      const id = idOf(bytes)
      await store.put(id, bytes)
      bytes.fill(0)
      assert.deepEqual(new Uint8Array(await store.get(id)), pattern(1000))
      await store.flush()
      assert.deepEqual(new Uint8Array(await store.get(id)), pattern(1000))
    })

    test('flushes when there is nothing to flush, and twice at once', async (t) => {
      const store = await make(t)
      await store.flush()
      await store.put(idOf(pattern(9)), pattern(9))
      await Promise.all([store.flush(), store.flush()])
      assert.deepEqual(new Uint8Array(await store.get(idOf(pattern(9)))), pattern(9))
    })

    test('takes nothing when its signal was aborted before', async (t) => {
      const store = await make(t)
      const bytes = pattern(10)
      const signal = AbortSignal.abort()
      await rejects(store.put(idOf(bytes), bytes, { signal }), 'cancelled')
      await rejects(store.flush({ signal }), 'cancelled')
      assert.deepEqual(await store.has([idOf(bytes)]), new Set())
    })
  })
}
