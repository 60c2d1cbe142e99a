import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../../src/errors.ts'
import { ownIdentity } from '../../../../src/folder/system/identity.ts'
import { idOf } from '../../../../src/object/id.ts'
import { MemoryBucket } from '../../../../src/store/memory-bucket.ts'
import { otherLeases, takeCare, waitForLeases } from '../../../../src/store/repository/care.ts'
import { condemn, listCondemned } from '../../../../src/store/repository/condemned.ts'
import { listLeases, takeLease } from '../../../../src/store/repository/leases.ts'
import { flip, namesIn, rewrite } from '../../../suites/damage.ts'
import { HurriedTime } from '../../../suites/hurried-time.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

suite('leases', () => {
  test('are in force from taking to release', async () => {
    const bucket = new MemoryBucket()
    const one = await takeLease(bucket)
    const two = await takeLease(bucket)
    const held = await listLeases(bucket)
    assert.deepEqual(held.map(({ name }) => name).toSorted(), [one.name, two.name].toSorted())
    assert.equal(held[0]!.holder?.pid, process.pid)
    await one.release()
    assert.deepEqual(
      (await listLeases(bucket)).map(({ name }) => name),
      [two.name],
    )
  })

  test('of a process of this machine that has ended are removed', async () => {
    const bucket = new MemoryBucket()
    const own = ownIdentity()
    const ended = { ...own, process: own.process.replace(/\d+$/, '1') }
    await bucket.put('leases/write-aa', bytesOf(JSON.stringify(ended)))
    await bucket.put('leases/write-bb', bytesOf(JSON.stringify({ ...own, boot: 'another' })))
    assert.deepEqual(await listLeases(bucket), [])
    assert.deepEqual(await namesIn(bucket, 'leases/'), [])
  })

  test('of other machines, and such that cannot be read, stay in force', async () => {
    const bucket = new MemoryBucket()
    await bucket.put('leases/write-aa', bytesOf(JSON.stringify({ ...ownIdentity(), machine: 'another' })))
    await bucket.put('leases/write-bb', bytesOf('no JSON'))
    await bucket.put('leases/write-cc', bytesOf('{"pid":"text"}'))
    await bucket.put('leases/write-dd', bytesOf(''))
    const held = await listLeases(bucket)
    assert.equal(held.length, 4)
    assert.equal(held.filter(({ holder }) => holder === undefined).length, 3)
  })

  test('only one may care at a time, whatever others write', async () => {
    const bucket = new MemoryBucket()
    await takeLease(bucket)
    const care = await takeCare(bucket)
    await assert.rejects(takeCare(bucket), (error) => isTidemarkError(error, 'busy'))
    assert.equal((await listLeases(bucket)).length, 2, 'the second has left none behind')
    assert.equal((await otherLeases(bucket, care, {})).length, 1)
    await care.release()
    await (await takeCare(bucket)).release()
  })

  test('of two that begin to care at once at most one goes on', async () => {
    for (let n = 0; n < 20; n++) {
      const bucket = new MemoryBucket()
      const taken = await Promise.allSettled([takeCare(bucket), takeCare(bucket), takeCare(bucket)])
      assert.ok(taken.filter(({ status }) => status === 'fulfilled').length <= 1)
      assert.ok((await listLeases(bucket)).length <= 1)
    }
  })

  test('are waited for as long as was asked, and not for those that come later', async () => {
    const bucket = new MemoryBucket()
    const [one, two] = [await takeLease(bucket), await takeLease(bucket)]
    const leases = await listLeases(bucket)
    await takeLease(bucket)
    const time = new HurriedTime()
    const sleep = time.sleep.bind(time)
    time.sleep = async (milliseconds, signal) => {
      await sleep(milliseconds, signal)
      if (time.sleeps.length === 3) await one.release()
      if (time.sleeps.length === 5) await two.release()
    }
    assert.deepEqual(await waitForLeases(bucket, leases, { time, waitMs: 60_000 }), [])
    assert.equal(time.sleeps.length, 5)
    const stuck = await listLeases(bucket)
    assert.equal(stuck.length, 1)
    assert.deepEqual(await waitForLeases(bucket, stuck, { time, waitMs: 1000 }), stuck)
    const asked = time.sleeps.length
    assert.deepEqual(await waitForLeases(bucket, stuck, { time, waitMs: 0 }), stuck)
    assert.equal(time.sleeps.length, asked)
  })
})

suite('condemned packs', () => {
  const packs = [idOf(bytesOf('one')), idOf(bytesOf('two'))]

  test('are listed as they were condemned', async () => {
    const bucket = new MemoryBucket()
    const record = await condemn(bucket, packs)
    assert.deepEqual(await listCondemned(bucket), [record])
    await bucket.delete(record.name)
    assert.deepEqual(await listCondemned(bucket), [])
  })

  test('in a damaged record are an error, not nothing', async () => {
    const bucket = new MemoryBucket()
    const { name } = await condemn(bucket, packs)
    for (const at of [0, 1, 40]) {
      await rewrite(bucket, name, flip(at))
      await assert.rejects(listCondemned(bucket), (error) => isTidemarkError(error, 'corrupt'))
      await rewrite(bucket, name, flip(at))
    }
  })
})
