import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError, TidemarkError } from '../../../src/errors.ts'
import type { Bucket } from '../../../src/store/bucket.ts'
import { DirectoryBucket } from '../../../src/store/directory-bucket.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { RetryBucket, usualRetries, type RetryLimits } from '../../../src/store/retry-bucket.ts'
import { TimeoutBucket, usualLimits } from '../../../src/store/timeout-bucket.ts'
import { bucketSuite, bytesOf, listed, rejects, textOf } from '../../suites/bucket-suite.ts'
import { FaultyBucket, pulledAt, seededFaults, type Fault } from '../../suites/faulty-bucket.ts'
import { HurriedTime } from '../../suites/hurried-time.ts'
import { seededRandom } from '../../suites/random.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const patient: RetryLimits = { ...usualRetries, tries: 100, giveUpAfter: Number.POSITIVE_INFINITY }
const short: readonly Fault[] = [{ kind: 'before' }, { kind: 'after' }, { kind: 'before', code: 'timeout' }]
const hanging: readonly Fault[] = [...short, { kind: 'hang' }, { kind: 'hang', forever: true }]

for (const seed of [1, 2, 3]) {
  bucketSuite(`memory that often fails, tried again (seed ${seed})`, () => {
    const faulty = new FaultyBucket(new MemoryBucket(), seededFaults(seed, 0.4, short))
    return new RetryBucket(faulty, patient, new HurriedTime(), seededRandom(seed))
  })
  bucketSuite(`memory that often fails or hangs, within a time, tried again (seed ${seed})`, () => {
    const faulty = new FaultyBucket(new MemoryBucket(), seededFaults(seed, 0.3, hanging))
    const limited = new TimeoutBucket(faulty, usualLimits, new HurriedTime())
    return new RetryBucket(limited, patient, new HurriedTime(), seededRandom(seed))
  })
}
bucketSuite('directory that often fails, tried again', (t) => {
  const directory = new DirectoryBucket(temporaryDirectory(t), { durable: false })
  return new RetryBucket(new FaultyBucket(directory, seededFaults(4, 0.3, short)), patient, new HurriedTime())
})

const limits: RetryLimits = { tries: 5, firstPause: 100, longestPause: 500, giveUpAfter: 100_000 }

async function holding(names: readonly string[]): Promise<FaultyBucket> {
  const memory = new MemoryBucket()
  for (const name of names) await memory.put(name, bytesOf(name))
  return new FaultyBucket(memory)
}

suite('RetryBucket', () => {
  test('tries again after unavailable and timeout', async () => {
    for (const code of ['unavailable', 'timeout'] as const) {
      const faulty = await holding(['a'])
      const bucket = new RetryBucket(faulty, limits, new HurriedTime())
      faulty.plan = ({ number }) => (number % 3 === 2 ? undefined : { kind: 'before', code })
      assert.equal(textOf(await bucket.get('a')), 'a')
      await bucket.put('b', bytesOf('b'))
      await bucket.delete('a')
      assert.deepEqual(await listed(bucket, ''), [{ name: 'b', size: 1 }])
      assert.equal(faulty.count(), 12)
    }
  })

  test('does not try again after any other error', async () => {
    for (const code of ['missing', 'denied', 'full', 'cancelled', 'failed', 'corrupt', 'usage'] as const) {
      const faulty = await holding(['a'])
      const bucket = new RetryBucket(faulty, limits, new HurriedTime())
      faulty.plan = () => ({ kind: 'before', code })
      await rejects(bucket.get('a'), code)
      await rejects(bucket.put('a', bytesOf('x')), code)
      await rejects(bucket.delete('a'), code)
      await rejects(listed(bucket, ''), code)
      assert.equal(faulty.count(), 4)
    }
  })

  test('gives the last error when its tries are used up', async () => {
    const faulty = await holding(['a'])
    const bucket = new RetryBucket(faulty, limits, new HurriedTime())
    faulty.plan = pulledAt(0, 'unavailable')
    const error = await bucket.get('a').catch((error: unknown) => error)
    assert.ok(isTidemarkError(error, 'unavailable'))
    assert.match(error.message, /operation 4\) \(tried 5 times\)$/)
    assert.ok(isTidemarkError(error.cause, 'unavailable'))
    await rejects(listed(bucket, ''), 'unavailable')
    assert.equal(faulty.count(), 10)
  })

  test('pauses for twice as long each time, up to a limit, and at random', async () => {
    assert.deepEqual(await pauses(0), [50, 100, 200, 250])
    assert.deepEqual(await pauses(0.5), [75, 150, 300, 375])
    assert.deepEqual(
      await pauses(1 - 1e-12),
      [100, 200, 400, 500].map((ms) => ms * (1 - 5e-13)),
    )
  })

  test('begins no try after its time', async () => {
    const faulty = await holding(['a'])
    const time = new HurriedTime()
    faulty.plan = pulledAt(0, 'unavailable')
    const bucket = new RetryBucket(faulty, { ...limits, tries: 1000, giveUpAfter: 2000 }, time, () => 0)
    await rejects(bucket.get('a'), 'unavailable')
    assert.deepEqual(time.sleeps, [50, 100, 200, 250, 250, 250, 250, 250, 250])
  })

  test('stops when its signal is aborted during a pause', async () => {
    const faulty = await holding(['a'])
    faulty.plan = pulledAt(0, 'unavailable')
    // In real time: the pause is of an hour.
    const bucket = new RetryBucket(faulty, {
      ...limits,
      firstPause: 3.6e6,
      longestPause: 3.6e6,
      giveUpAfter: 1e9,
    })
    for (const call of [
      (signal: AbortSignal) => bucket.get('a', { signal }),
      (signal: AbortSignal) => Array.fromAsync(bucket.list('', { signal })),
    ]) {
      const controller = new AbortController()
      const calling = call(controller.signal)
      setImmediate(() => controller.abort())
      await rejects(calling, 'cancelled')
    }
    assert.equal(faulty.count(), 2)
  })

  test('lists each name once, however often the listing breaks off', async () => {
    const names = Array.from({ length: 50 }, (_, at) => `n${at}`)
    for (const seed of [1, 2, 3, 4, 5]) {
      const faulty = await holding(names)
      faulty.plan = seededFaults(seed, 0.7, [{ kind: 'cut' }, { kind: 'before' }, { kind: 'after' }])
      const bucket = new RetryBucket(faulty, patient, new HurriedTime())
      for (let i = 0; i < 20; i++) {
        const entries = await listed(bucket, '')
        assert.deepEqual(
          entries.map(({ name }) => name),
          names.toSorted(),
        )
      }
      assert.ok(faulty.done.filter(({ fault }) => fault !== undefined).length > 20, 'faults were met')
    }
  })

  test('counts tries anew once a listing has moved on', async () => {
    const faulty = await holding(['a', 'b'])
    const bucket = new RetryBucket(faulty, { ...limits, tries: 3 }, new HurriedTime())
    // After its entries were given, the first listing fails; two tries fail before, the third is well.
    faulty.plan = ({ number }) =>
      number === 0 ? { kind: 'after' } : number < 3 ? { kind: 'before' } : undefined
    await rejects(listed(bucket, ''), 'unavailable')
    assert.equal(faulty.count(), 3)
    const again = await holding(['a', 'b'])
    again.plan = ({ number }) =>
      number === 2 ? { kind: 'after' } : number < 4 ? { kind: 'before' } : undefined
    const other = new RetryBucket(again, { ...limits, tries: 3 }, new HurriedTime())
    assert.equal((await listed(other, '')).length, 2)
    assert.equal(again.count(), 5)
  })
  test('gives a long listing its time anew whenever it has moved on', async () => {
    const faulty = await holding(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    let reach = 0
    const creeping: Bucket = {
      get: (name) => faulty.get(name),
      put: (name, bytes) => faulty.put(name, bytes),
      delete: (name) => faulty.delete(name),
      async *list(prefix) {
        const entries = await Array.fromAsync(faulty.list(prefix))
        yield* entries.slice(0, ++reach)
        if (reach < entries.length) throw new TidemarkError('unavailable', 'planned')
      },
    }
    const time = new HurriedTime()
    const bucket = new RetryBucket(creeping, { ...limits, giveUpAfter: 150 }, time, () => 0.9)
    assert.equal((await listed(bucket, '')).length, 8)
    assert.ok(time.now() > 300)
  })
})

/** The pauses between the tries of a call that never succeeds. */
async function pauses(random: number): Promise<number[]> {
  const time = new HurriedTime()
  const faulty = await holding([])
  faulty.plan = pulledAt(0, 'unavailable')
  await rejects(new RetryBucket(faulty, limits, time, () => random).get('a'), 'unavailable')
  return time.sleeps
}
