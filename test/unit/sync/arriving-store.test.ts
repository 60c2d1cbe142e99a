import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeChunkTable } from '../../../src/object/block.ts'
import { idOf } from '../../../src/object/id.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { Repository } from '../../../src/store/repository/repository.ts'
import type { FilledBlock } from '../../../src/store/block-source.ts'
import { ArrivingStore } from '../../../src/sync/arriving-store.ts'
import { pattern } from '../../suites/bucket-suite.ts'

const [first, second] = [pattern(100_000, 1), pattern(50_000, 2)]
const [firstId, secondId] = [idOf(first), idOf(second)]

function block(): FilledBlock {
  const table = encodeChunkTable([first.length, second.length])
  const payload = new Uint8Array(first.length + second.length + table.length)
  payload.set(first)
  payload.set(second, first.length)
  payload.set(table, first.length + second.length)
  const chunks = [
    { id: firstId, offset: 0, length: first.length },
    { id: secondId, offset: first.length, length: second.length },
  ]
  return { block: { flags: 0, plainLength: payload.length, payload }, chunks }
}

async function arriving(filled: FilledBlock): Promise<ArrivingStore> {
  const repository = await Repository.create(new MemoryBucket())
  async function* arrivals(): AsyncGenerator<FilledBlock[]> {
    yield [filled]
  }
  return new ArrivingStore(arrivals(), repository, new AbortController())
}

test('a block of which everything was found is not held any more', async () => {
  const store = await arriving(block())
  const taken = (await store.take(firstId))!
  store.found(secondId)
  const { payload } = taken.block
  store.opened(taken, payload)
  assert.equal(payload.buffer.detached, true)
  store.close()
})

test('what is left of a block is there for whoever asks for it later', async () => {
  const store = await arriving(block())
  const taken = (await store.take(firstId))!
  store.opened(taken, taken.block.payload)
  assert.deepEqual(await store.get(secondId), second)
  store.close()
})
