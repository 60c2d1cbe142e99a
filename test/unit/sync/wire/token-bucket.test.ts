import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { TokenBucket } from '../../../../src/sync/wire/token-bucket.ts'
import { ManualTime } from '../../../suites/manual-time.ts'
import { connectionPair } from '../../../suites/wire.ts'

test('a bucket lets its rate pass, and a tenth of a second at once', async () => {
  const time = new ManualTime()
  const bucket = new TokenBucket(10_000, time)
  assert.equal(bucket.take(1000), 0)
  assert.equal(bucket.take(500), 50)
  await time.pass(50)
  assert.equal(bucket.take(1000), 100)
  await time.pass(10_000)
  assert.equal(bucket.take(1000), 0)
  assert.equal(bucket.take(1), 0.1)
})

for (const way of ['sendRate', 'receiveRate'] as const) {
  test(`a connection keeps its ${way}, in small pieces`, async (t) => {
    const time = new ManualTime()
    const quiet = { greeting: 1e9, ask: 1e9, gone: 2e9 }
    const bucket = new TokenBucket(100_000, time)
    const own = { time, quiet, [way]: bucket }
    const [near, far] = connectionPair(
      t,
      way === 'sendRate' ? own : { quiet },
      way === 'sendRate' ? { quiet } : own,
    )
    let got = 0
    far.serve(async ({ channel }) => {
      for await (const message of channel) got += message.length
    })
    const channel = await near.call('take', new Uint8Array(0))
    for (let count = 0; count < 40; count++) void channel.send(new Uint8Array(5000))
    channel.end()
    const rates: number[] = []
    for (let tenth = 0; tenth < 10; tenth++) {
      const before = far.received
      for (let step = 0; step < 20; step++) {
        await time.pass(5)
        for (let turn = 0; turn < 5; turn++) await setImmediate()
      }
      rates.push(far.received - before)
    }
    if (way === 'sendRate') {
      for (const rate of rates.slice(2)) assert.ok(rate > 5000 && rate < 16_000, rates.join())
    }
    assert.ok(got < 150_000, `${got} of 200000 in a second`)
    await time.pass(60_000)
  })
}
