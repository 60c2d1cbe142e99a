import { suite, test } from 'node:test'
import { idOf } from '../../../src/object/id.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { pattern, rejects } from '../../suites/bucket-suite.ts'
import { writableStoreSuite } from '../../suites/store-suite.ts'

// A chunk that was given out is shared with the store: to change it, which nobody may, spoils the store.
writableStoreSuite(
  'memory',
  () => new MemoryStore(),
  async (store, id) => {
    const shared = await store.get(id)
    shared[0]! ^= 1
  },
)

suite('MemoryStore', () => {
  test('refuses bytes that are not those of the id', async () => {
    const store = new MemoryStore()
    await rejects(store.put(idOf(pattern(5)), pattern(6)), 'corrupt')
    await rejects(store.get(idOf(pattern(5))), 'missing')
  })

  test('says corrupt of a chunk that was changed', async () => {
    const store = new MemoryStore()
    const id = idOf(pattern(5))
    await store.put(id, pattern(5))
    ;(await store.get(id))[2]! ^= 1
    await rejects(store.get(id), 'corrupt')
  })
})
