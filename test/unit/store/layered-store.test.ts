import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError, TidemarkError, type ErrorCode } from '../../../src/errors.ts'
import { idOf, type Id } from '../../../src/object/id.ts'
import { CachingStore } from '../../../src/store/caching-store.ts'
import { LayeredStore } from '../../../src/store/layered-store.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { pattern, rejects } from '../../suites/bucket-suite.ts'
import { storeSuite } from '../../suites/store-suite.ts'

const chunk = pattern(100)
const id = idOf(chunk)

/** A store that cannot be reached, or whose every chunk is spoilt. */
function failing(code: ErrorCode): Store {
  const fail = async (): Promise<never> => {
    throw new TidemarkError(code, `planned: ${code}`)
  }
  return { get: fail, has: fail }
}

async function holding(...chunks: Uint8Array[]): Promise<MemoryStore> {
  const store = new MemoryStore()
  for (const bytes of chunks) await store.put(idOf(bytes), bytes)
  return store
}

async function spoil(store: Store, id: Id): Promise<void> {
  const shared = await store.get(id)
  shared[0]! ^= 1
}

storeSuite('layered: one', () => {
  const only = new MemoryStore()
  return {
    store: new LayeredStore([only]),
    fill: (id, bytes) => only.put(id, bytes),
    damage: (id) => spoil(only, id),
  }
})

storeSuite('layered: chunks spread over three', () => {
  const stores = [new MemoryStore(), new MemoryStore(), new MemoryStore()]
  const storeOf = (id: Id): MemoryStore => stores[id.charCodeAt(0) % 3]!
  return {
    store: new LayeredStore(stores),
    fill: (id, bytes) => storeOf(id).put(id, bytes),
    damage: (id) => spoil(storeOf(id), id),
  }
})

storeSuite('layered: spoilt in the first, whole in the second, and layers within layers', () => {
  const first = new MemoryStore()
  const second = new MemoryStore()
  return {
    store: new LayeredStore([new LayeredStore([new CachingStore(first, 0)]), new LayeredStore([second])]),
    fill: async (id, bytes) => {
      await first.put(id, bytes)
      await second.put(id, bytes)
    },
    damage: (id) => spoil(first, id),
  }
})

suite('LayeredStore', () => {
  test('asks the stores in order, and none after the one that has the chunk', async () => {
    const layered = new LayeredStore([await holding(), await holding(chunk), failing('failed')])
    assert.deepEqual(await layered.get(id), chunk)
    assert.deepEqual(await layered.has([id]), new Set([id]))
  })

  test('passes over a store that fails, whatever its trouble', async () => {
    for (const code of ['corrupt', 'unavailable', 'timeout', 'denied', 'failed'] as const) {
      const layered = new LayeredStore([failing(code), await holding(chunk)])
      assert.deepEqual(await layered.get(id), chunk)
      assert.deepEqual(await layered.has([id]), new Set([id]))
    }
  })

  test('says missing only when all stores say so', async () => {
    await rejects(new LayeredStore([]).get(id), 'missing')
    await rejects(new LayeredStore([await holding(), await holding()]).get(id), 'missing')
    for (const code of ['corrupt', 'unavailable'] as const) {
      await rejects(new LayeredStore([await holding(), failing(code)]).get(id), code)
      await rejects(new LayeredStore([failing(code), await holding()]).get(id), code)
      await rejects(new LayeredStore([await holding(), failing(code)]).has([id]), code)
    }
  })

  test('keeps what went wrong as the cause', async () => {
    const one = await new LayeredStore([failing('corrupt'), await holding()]).get(id).catch((e: unknown) => e)
    assert.ok(isTidemarkError(one, 'corrupt'))
    assert.ok(isTidemarkError(one.cause, 'corrupt'))
    const two = await new LayeredStore([failing('unavailable'), failing('corrupt')])
      .get(id)
      .catch((e: unknown) => e)
    assert.ok(isTidemarkError(two, 'unavailable'))
    assert.ok(two.cause instanceof AggregateError)
    assert.deepEqual(
      two.cause.errors.map((error: TidemarkError) => error.code),
      ['unavailable', 'corrupt'],
    )
  })

  test('asks each store only for the ids not yet found', async () => {
    const asked: (readonly Id[])[] = []
    const listening: Store = {
      get: async () => chunk,
      has: async (ids) => {
        asked.push(ids)
        return new Set(ids)
      },
    }
    const others = [pattern(1), pattern(2)].map((bytes) => idOf(bytes))
    await new LayeredStore([await holding(chunk), listening, listening]).has([others[0]!, id, others[1]!])
    assert.deepEqual(asked, [others])
  })

  test('goes no further when its signal is aborted', async () => {
    let controller = new AbortController()
    const aborting: Store = {
      get: async () => {
        controller.abort()
        throw new TidemarkError('cancelled', 'stopped')
      },
      has: async () => {
        controller.abort()
        throw new TidemarkError('cancelled', 'stopped')
      },
    }
    const { signal } = controller
    const layered = new LayeredStore([aborting, await holding(chunk)])
    await rejects(layered.get(id, { signal }), 'cancelled')
    await rejects(layered.has([id], { signal }), 'cancelled')
    const last = new LayeredStore([failing('corrupt'), aborting])
    for (const call of [last.get.bind(last, id), last.has.bind(last, [id])]) {
      const options = { signal: (controller = new AbortController()).signal }
      await rejects(call(options), 'cancelled')
    }
  })

  test('does not take a programming error for a failure of a store', async () => {
    const broken: Store = {
      get: async () => {
        throw new TypeError('bug')
      },
      has: async () => {
        throw new TypeError('bug')
      },
    }
    await assert.rejects(new LayeredStore([broken, await holding(chunk)]).get(id), TypeError)
    await assert.rejects(new LayeredStore([broken, await holding(chunk)]).has([id]), TypeError)
  })
})
