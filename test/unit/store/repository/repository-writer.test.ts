import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../../src/errors.ts'
import { idOf, type Id } from '../../../../src/object/id.ts'
import type { Bucket } from '../../../../src/store/bucket.ts'
import { MemoryBucket } from '../../../../src/store/memory-bucket.ts'
import { condemn } from '../../../../src/store/repository/condemned.ts'
import { holdsAll } from '../../../../src/store/repository/holds-all.ts'
import { idInName } from '../../../../src/store/repository/place.ts'
import { listLeases } from '../../../../src/store/repository/leases.ts'
import { Repository } from '../../../../src/store/repository/repository.ts'
import { FaultyBucket } from '../../../suites/faulty-bucket.ts'
import { readSnapshot, writeSnapshot } from '../../../suites/repository-builder.ts'
import { seededRandom } from '../../../suites/random.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Bytes that nothing compresses, the same for the same seed. */
function noise(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed)
  const words = new Uint32Array(size / 4)
  for (let n = 0; n < words.length; n++) words[n] = random() * 2 ** 32
  return new Uint8Array(words.buffer)
}

async function namesIn(bucket: Bucket, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(bucket.list(prefix))).map(({ name }) => name).toSorted()
}

suite('repository writer', () => {
  test('what was written is there for whoever opens the repository anew', async () => {
    const bucket = new MemoryBucket()
    const plan = { a: 'one', d: { b: 'two', empty: {}, long: 'x'.repeat(5000) }, none: '' }
    const id = await writeSnapshot(await Repository.create(bucket), plan)
    assert.deepEqual({ ...(await readSnapshot(await Repository.open(bucket), id)) }, plan)
  })

  test('stores nothing twice', async () => {
    const bucket = new MemoryBucket()
    await writeSnapshot(await Repository.create(bucket), { a: 'one', b: 'two' })
    const before = await namesIn(bucket, 'packs/')
    await writeSnapshot(await Repository.open(bucket), { a: 'one', b: 'two' }, { time: 1 })
    assert.deepEqual(await namesIn(bucket, 'packs/'), before)
    assert.equal((await namesIn(bucket, 'snapshots/')).length, 2)
  })

  test('does not rely on a pack that was condemned before it began', async () => {
    const bucket = new MemoryBucket()
    const repository = await Repository.create(bucket)
    await writeSnapshot(repository, { a: 'one' })
    const packs = [...new Set(repository.index.segments.flatMap((one) => one.tables().packs))]
    await condemn(
      bucket,
      packs.map(({ id }) => id),
    )
    const id = await writeSnapshot(await Repository.open(bucket), { a: 'one' }, { time: 1 })
    for (const name of (await namesIn(bucket, 'packs/')).slice()) {
      if (packs.some((pack) => name.endsWith(Buffer.from(pack.id, 'latin1').toString('hex'))))
        await bucket.delete(name)
    }
    assert.deepEqual({ ...(await readSnapshot(await Repository.open(bucket), id)) }, { a: 'one' })
  })

  test('is published by the flush that was asked for after it was put, though others flush too', async () => {
    const bucket = new MemoryBucket()
    const repository = await Repository.create(bucket)
    const writer = await repository.write()
    const ids: Id[] = []
    const flushes: Promise<void>[] = []
    for (let n = 0; n < 40; n++) {
      const bytes = bytesOf(`chunk ${n}`)
      ids.push(idOf(bytes))
      await writer.put(idOf(bytes), bytes)
      flushes.push(writer.flush())
      if (n % 3 === 0) await Promise.resolve()
    }
    await Promise.all(flushes)
    await writer.close()
    const found = await (await Repository.open(bucket)).has(ids)
    assert.equal(found.size, ids.length)
  })

  test('a pack finished while the index is being published is part of the next segment', async () => {
    const bucket = new MemoryBucket()
    const repository = await Repository.create(bucket)
    let more: Promise<void> | undefined
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) await writer.put(idOf(noise(4_000_000, n)), noise(4_000_000, n))
    }
    const slow: Bucket = {
      get: (name, options) => bucket.get(name, options),
      list: (prefix, options) => bucket.list(prefix, options),
      delete: (name, options) => bucket.delete(name, options),
      // The index takes so long that a whole pack of 16 MiB is full before it is there.
      put: async (name, bytes) => {
        if (name.startsWith('index/')) await (more ??= fill())
        await bucket.put(name, bytes)
      },
    }
    const writer = await (await Repository.open(slow)).write()
    await writer.put(idOf(bytesOf('first')), bytesOf('first'))
    await writer.flush()
    await writer.flush()
    await writer.close()
    repository.close()
    const reader = await Repository.open(bucket)
    for (let n = 0; n < 5; n++) {
      const bytes = noise(4_000_000, n)
      assert.deepEqual(await reader.get(idOf(bytes)), bytes)
    }
  })

  test('once a flush has failed, no later one pretends that all is well', async () => {
    const bucket = new FaultyBucket(new MemoryBucket())
    const writer = await (await Repository.create(bucket)).write()
    await writer.put(idOf(bytesOf('one')), bytesOf('one'))
    bucket.plan = ({ name, method }) =>
      method === 'put' && name.startsWith('index/') ? { kind: 'before' } : undefined
    await assert.rejects(writer.flush(), (error) => isTidemarkError(error, 'unavailable'))
    bucket.plan = () => undefined
    await assert.rejects(writer.flush(), (error) => isTidemarkError(error, 'unavailable'))
  })

  test('reads what it has just put', async () => {
    const writer = await (await Repository.create(new MemoryBucket())).write()
    await writer.put(idOf(bytesOf('one')), bytesOf('one'))
    await writer.put(idOf(bytesOf('')), bytesOf(''))
    assert.deepEqual(Buffer.from(await writer.get(idOf(bytesOf('one')))).toString(), 'one')
    assert.equal((await writer.get(idOf(bytesOf('')))).length, 0)
  })

  test('holds a lease until it is closed', async () => {
    const bucket = new MemoryBucket()
    const writer = await (await Repository.create(bucket)).write()
    assert.deepEqual(
      (await listLeases(bucket)).map(({ kind }) => kind),
      ['write'],
    )
    await writer.close()
    assert.deepEqual(await listLeases(bucket), [])
  })

  test('tells whether all that a tree needs is there to stay', async () => {
    const bucket = new MemoryBucket()
    const repository = await Repository.create(bucket)
    const plan = { a: 'one', d: { e: { long: 'line\n'.repeat(1000) } } }
    const { root } = await repository.snapshots.read(await writeSnapshot(repository, plan))
    const packs = (await namesIn(bucket, 'packs/')).map((name) => idInName(name)!)
    const before = await repository.write()
    assert.equal(await holdsAll(before, root), true)
    for (const pack of packs) {
      const { name } = await condemn(bucket, [pack])
      const writer = await (await Repository.open(bucket)).write()
      assert.equal(await holdsAll(writer, root), false)
      assert.equal(await holdsAll(before, root), true)
      await writer.close()
      await bucket.delete(name)
    }
    await bucket.delete((await namesIn(bucket, 'index/'))[0]!)
    assert.equal(await holdsAll(before, root), false)
    await before.close()
  })

  test('keeps its lease when nobody can tell whether its last put will take place', async () => {
    for (const code of ['timeout', 'unavailable'] as const) {
      const bucket = new FaultyBucket(new MemoryBucket())
      const writer = await (await Repository.create(bucket)).write()
      await writer.put(idOf(bytesOf('one')), bytesOf('one'))
      bucket.plan = ({ method, name }) =>
        method === 'put' && name.startsWith('index/') ? { kind: 'before', code } : undefined
      await assert.rejects(writer.flush(), (error) => isTidemarkError(error, code))
      await writer.close()
      assert.equal((await listLeases(bucket)).length, code === 'timeout' ? 1 : 0)
    }
  })

  test('gives its lease back when it cannot begin', async () => {
    const bucket = new FaultyBucket(new MemoryBucket())
    const repository = await Repository.create(bucket)
    bucket.plan = ({ method, name }) =>
      method === 'list' && name === 'index/' ? { kind: 'before' } : undefined
    await assert.rejects(repository.write())
    assert.deepEqual(await listLeases(bucket.bucket), [])
  })
})
