import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { ReadOnlyBucket } from '../../../src/store/read-only-bucket.ts'
import type { Bucket } from '../../../src/store/bucket.ts'
import { bucketSuite, bytesOf, listed, rejects, textOf } from '../../suites/bucket-suite.ts'

// Read through the wrapper, written beside it.
bucketSuite('memory, read through a read-only bucket', () => {
  const memory = new MemoryBucket()
  const reading = new ReadOnlyBucket(memory)
  return {
    get: (name, options) => reading.get(name, options),
    list: (prefix, options) => reading.list(prefix, options),
    put: (name, bytes, options) => memory.put(name, bytes, options),
    delete: (name, options) => memory.delete(name, options),
  }
})

suite('ReadOnlyBucket', () => {
  test('reads, and rejects denied for every change', async () => {
    const memory = new MemoryBucket()
    await memory.put('a', bytesOf('kept'))
    const bucket: Bucket = new ReadOnlyBucket(memory)
    await rejects(bucket.put('a', bytesOf('x')), 'denied')
    await rejects(bucket.put('b', bytesOf('x')), 'denied')
    await rejects(bucket.delete('a'), 'denied')
    await rejects(bucket.delete('none'), 'denied')
    await rejects(bucket.put('../a', bytesOf('x')), 'usage')
    assert.equal(textOf(await bucket.get('a')), 'kept')
    assert.deepEqual(await listed(bucket, ''), [{ name: 'a', size: 4 }])
  })
})
