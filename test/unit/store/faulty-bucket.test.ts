import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { bucketSuite, bytesOf, listed, rejects, textOf } from '../../suites/bucket-suite.ts'
import { FaultyBucket, faultsAt, pulledAt, seededFaults } from '../../suites/faulty-bucket.ts'

bucketSuite('faulty, without faults', () => new FaultyBucket(new MemoryBucket()))

suite('FaultyBucket, which other tests rely on', () => {
  test('fails before and after', async () => {
    const bucket = new FaultyBucket(new MemoryBucket())
    bucket.plan = faultsAt({ 0: { kind: 'before' }, 2: { kind: 'after', code: 'full' } })
    await rejects(bucket.put('a', bytesOf('x')), 'unavailable')
    await rejects(bucket.get('a'), 'missing')
    await rejects(bucket.put('a', bytesOf('x')), 'full')
    assert.equal(textOf(await bucket.get('a')), 'x')
    assert.deepEqual(
      bucket.done.map(({ method, fault, outcome }) => [method, fault, outcome]),
      [
        ['put', 'before', 'rejected'],
        ['get', undefined, 'rejected'],
        ['put', 'after', 'rejected'],
        ['get', undefined, 'resolved'],
      ],
    )
    assert.equal(bucket.count(), 4)
    assert.equal(bucket.count('put'), 2)
  })

  test('cuts, lies and forgets', async () => {
    const bucket = new FaultyBucket(new MemoryBucket())
    for (const name of ['a', 'b', 'c', 'd', 'e']) await bucket.put(name, bytesOf('12345'))
    bucket.plan = () => ({ kind: 'cut' })
    assert.equal(textOf(await bucket.get('a')), '12')
    await rejects(bucket.put('a', bytesOf('new')), 'unavailable')
    await rejects(listed(bucket, ''), 'unavailable')
    bucket.plan = () => ({ kind: 'lie' })
    const lie = await bucket.get('a')
    assert.equal(lie.length, 5)
    assert.notEqual(textOf(lie), '12345')
    assert.equal((await listed(bucket, '')).length, 3)
    bucket.plan = () => ({ kind: 'forget' })
    await bucket.put('a', bytesOf('new'))
    await bucket.delete('b')
    bucket.plan = () => undefined
    assert.equal(textOf(await bucket.get('a')), '12345')
    assert.equal(textOf(await bucket.get('b')), '12345')
  })

  test('hangs until its signal, or for ever', async () => {
    const bucket = new FaultyBucket(new MemoryBucket(), () => ({ kind: 'hang' }))
    const controller = new AbortController()
    const calling = bucket.get('a', { signal: controller.signal })
    controller.abort()
    await rejects(calling, 'cancelled')
    bucket.plan = () => ({ kind: 'hang', forever: true })
    void bucket.get('a', { signal: AbortSignal.abort() })
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(
      bucket.done.map(({ outcome }) => outcome),
      ['rejected', 'open'],
    )
  })

  test('loses its disk', async () => {
    const bucket = new FaultyBucket(new MemoryBucket(), pulledAt(2))
    await bucket.put('a', bytesOf('x'))
    await bucket.put('b', bytesOf('x'))
    await rejects(bucket.put('c', bytesOf('x')), 'failed')
    await rejects(bucket.get('a'), 'failed')
    await rejects(listed(bucket, ''), 'failed')
    assert.equal((await listed(bucket.bucket, '')).length, 2)
  })

  test('plans the same faults from the same seed', () => {
    const operation = { number: 0, method: 'get', name: 'a' } as const
    const draw = (seed: number): (string | undefined)[] => {
      const plan = seededFaults(seed, 0.5, [{ kind: 'before' }, { kind: 'lie' }])
      return Array.from({ length: 100 }, () => plan(operation)?.kind)
    }
    assert.deepEqual(draw(1), draw(1))
    assert.notDeepEqual(draw(1), draw(2))
    for (const kind of ['before', 'lie', undefined]) assert.ok(draw(1).filter((k) => k === kind).length > 10)
  })
})
