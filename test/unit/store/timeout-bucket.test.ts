import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Bucket } from '../../../src/store/bucket.ts'
import { DirectoryBucket } from '../../../src/store/directory-bucket.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { TimeoutBucket, type TimeLimits } from '../../../src/store/timeout-bucket.ts'
import { bucketSuite, bytesOf, listed, pattern, rejects, textOf } from '../../suites/bucket-suite.ts'
import { FaultyBucket, faultsAt } from '../../suites/faulty-bucket.ts'
import { HurriedTime } from '../../suites/hurried-time.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const limits: TimeLimits = { answer: 1000, bytesPerSecond: 500, unknownSize: 2000 }

bucketSuite('memory within a time', () => new TimeoutBucket(new MemoryBucket(), limits, new HurriedTime()))
bucketSuite(
  'directory within a time',
  (t) => new TimeoutBucket(new DirectoryBucket(temporaryDirectory(t), { durable: false })),
)

async function holding(names: readonly string[]): Promise<FaultyBucket> {
  const memory = new MemoryBucket()
  for (const name of names) await memory.put(name, bytesOf(name))
  return new FaultyBucket(memory)
}

suite('TimeoutBucket', () => {
  test('rejects timeout when there is no answer, whether or not the call heeds its signal', async () => {
    for (const forever of [false, true]) {
      const faulty = await holding(['a'])
      const bucket: Bucket = new TimeoutBucket(faulty, limits, new HurriedTime())
      faulty.plan = () => ({ kind: 'hang', forever })
      await rejects(bucket.get('a'), 'timeout')
      await rejects(bucket.put('a', bytesOf('x')), 'timeout')
      await rejects(bucket.delete('a'), 'timeout')
      await rejects(listed(bucket, ''), 'timeout')
      assert.deepEqual(
        faulty.done.slice(0, 3).map(({ outcome }) => outcome),
        Array.from({ length: 3 }, () => (forever ? 'open' : 'rejected')),
      )
      faulty.plan = () => undefined
      assert.equal(textOf(await bucket.get('a')), 'a')
    }
  })

  test('rejects cancelled at once when its signal is aborted while a call hangs', async () => {
    const faulty = await holding(['a'])
    const bucket = new TimeoutBucket(faulty)
    faulty.plan = () => ({ kind: 'hang', forever: true })
    const calls: ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => bucket.get('a', { signal }),
      (signal) => bucket.put('a', bytesOf('x'), { signal }),
      (signal) => bucket.delete('a', { signal }),
      (signal) => Array.fromAsync(bucket.list('', { signal })),
    ]
    for (const call of calls) {
      const controller = new AbortController()
      const calling = call(controller.signal)
      controller.abort()
      await rejects(calling, 'cancelled')
    }
  })

  test('gives more time to more bytes', async () => {
    const time = new HurriedTime()
    const bucket = new TimeoutBucket(await holding(['a']), limits, time)
    await bucket.put('b', pattern(0))
    await bucket.put('b', pattern(1500))
    await bucket.get('b', { range: { start: 500, end: 1000 } })
    await bucket.get('b')
    await bucket.delete('b')
    assert.deepEqual(time.sleeps, [1000, 4000, 2000, 5000, 1000])
    await rejects(bucket.get('b', { range: { start: 0, end: Number.NaN } }), 'usage')
    assert.equal(time.sleeps.length, 5, 'no time was set by what is no number')
  })

  test('counts the time of a listing from entry to entry, and not that of its reader', async () => {
    const time = new HurriedTime()
    const bucket = new TimeoutBucket(await holding(['a', 'b', 'c']), limits, time)
    const seen: string[] = []
    for await (const { name } of bucket.list('')) {
      seen.push(name)
      // Longer than any limit, had it been running.
      await new HurriedTime().sleep(0)
      await new HurriedTime().sleep(0)
    }
    assert.deepEqual(seen, ['a', 'b', 'c'])
    assert.deepEqual(time.sleeps, [1000, 1000, 1000, 1000])
  })

  test('ends the listing below when its reader leaves', async () => {
    let ended = false
    const below = new MemoryBucket()
    const watched: Bucket = {
      get: (name, options) => below.get(name, options),
      put: (name, bytes, options) => below.put(name, bytes, options),
      delete: (name, options) => below.delete(name, options),
      async *list() {
        try {
          for (;;) yield { name: 'a', size: 1 }
        } finally {
          ended = true
        }
      },
    }
    for await (const _ of new TimeoutBucket(watched, limits, new HurriedTime()).list('')) break
    assert.ok(ended)
  })

  test('passes on what goes wrong below', async () => {
    const faulty = await holding(['a'])
    const bucket = new TimeoutBucket(faulty, limits, new HurriedTime())
    faulty.plan = faultsAt({
      0: { kind: 'before', code: 'full' },
      1: { kind: 'after', code: 'denied' },
      2: { kind: 'cut' },
    })
    await rejects(bucket.put('b', bytesOf('x')), 'full')
    await rejects(bucket.delete('b'), 'denied')
    await rejects(listed(bucket, ''), 'unavailable')
    await rejects(bucket.get('b'), 'missing')
  })
})
