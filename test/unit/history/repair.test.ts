import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { prune } from '../../../src/history/prune.ts'
import { repair } from '../../../src/history/repair.ts'
import { verify } from '../../../src/history/verify.ts'
import { blockFlags, blockHeaderSize } from '../../../src/object/block.ts'
import type { Id } from '../../../src/object/id.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { takeCare } from '../../../src/store/repository/care.ts'
import { condemn } from '../../../src/store/repository/condemned.ts'
import { readPackFooter } from '../../../src/store/repository/pack-reader.ts'
import { idInName } from '../../../src/store/repository/place.ts'
import { Repository } from '../../../src/store/repository/repository.ts'
import { seededRandom } from '../../suites/random.ts'
import { flip, namesIn, rewrite } from '../../suites/damage.ts'
import { readEntries, readSnapshot, writeSnapshot } from '../../suites/repository-builder.ts'

/** Bytes that nothing compresses: such a chunk shares its block with others, or not, but is stored as it is. */
function noise(seed: number, size: number): string {
  const random = seededRandom(seed)
  return Array.from({ length: size }, () => String.fromCharCode(32 + random() * 90)).join('')
}

const plan = {
  a: 'alpha',
  d: { b: 'beta '.repeat(1000), deep: { c: 'gamma' } },
  ...Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`many-${n}`, noise(n, 900)])),
}

async function make(): Promise<{ bucket: MemoryBucket; one: Id; two: Id; data: string; metadata: string }> {
  const bucket = new MemoryBucket()
  const repository = await Repository.create(bucket)
  const one = await writeSnapshot(repository, plan, { tags: ['first'] })
  const packs = await namesIn(bucket, 'packs/')
  const two = await writeSnapshot(repository, { ...plan, a: 'changed' }, { time: 1, parents: [one] })
  const sorted = { data: '', metadata: '' }
  for (const name of packs) {
    const blocks = await readPackFooter(bucket, idInName(name)!, (await bucket.get(name)).length)
    sorted[(blocks[0]!.flags & blockFlags.metadata) > 0 ? 'metadata' : 'data'] = name
  }
  return { bucket, one, two, ...sorted }
}

async function assertReadable(bucket: MemoryBucket, id: Id, expected: object): Promise<void> {
  const read = await readSnapshot(await Repository.open(bucket), id)
  assert.deepEqual(JSON.parse(JSON.stringify(read)), expected)
}

suite('repair', () => {
  test('makes a lost index anew', async () => {
    const { bucket, one, two } = await make()
    for (const name of await namesIn(bucket, 'index/')) await bucket.delete(name)
    const report = await repair(bucket)
    assert.deepEqual(report.findings, [])
    await assertReadable(bucket, one, plan)
    await assertReadable(bucket, two, { ...plan, a: 'changed' })
    assert.equal((await verify(bucket, { data: true })).whole, true)
  })

  test('makes a damaged index anew', async () => {
    const { bucket, one } = await make()
    for (const name of await namesIn(bucket, 'index/')) await rewrite(bucket, name, flip(77))
    assert.deepEqual((await repair(bucket)).findings, [])
    assert.equal((await namesIn(bucket, 'index/')).length, 1)
    await assertReadable(bucket, one, plan)
  })

  test('saves everything from a pack without its footer', async () => {
    const { bucket, one, data } = await make()
    const { length } = await bucket.get(data)
    const blocks = await readPackFooter(bucket, idInName(data)!, length)
    const last = blocks.at(-1)!
    const end = last.offset + blockHeaderSize + last.storedLength
    await rewrite(bucket, data, (bytes) => bytes.subarray(0, end))
    const report = await repair(bucket)
    assert.deepEqual(report.damagedPacks, [idInName(data)])
    assert.ok(report.salvagedChunks > 300)
    assert.deepEqual(
      report.findings.map(({ code, where }) => [code, where]),
      [['pack-unindexed', data]],
    )
    await prune(await Repository.open(bucket))
    assert.deepEqual((await verify(bucket, { data: true })).findings, [])
    await assertReadable(bucket, one, plan)
  })

  test('wherever a pack was cut off or overwritten, only what was there is lost', async () => {
    const random = seededRandom(1)
    for (let n = 0; n < 12; n++) {
      const { bucket, data, one } = await make()
      await rewrite(bucket, data, (bytes) => {
        const at = Math.floor(random() * bytes.length)
        if (n % 2 === 0) return bytes.subarray(0, at)
        bytes.fill(0, at, at + 50)
        return bytes
      })
      const report = await repair(bucket, { data: true })
      const lost = new Set(report.findings.flatMap(({ affected }) => affected).map(({ path }) => path))
      const repository = await Repository.open(bucket)
      const { root } = await repository.snapshots.read(one)
      let read = 0
      for (const entry of await readEntries(repository, root.content)) {
        if (entry.kind !== 'file' || entry.content === undefined) continue
        const bytes = repository.get(entry.content.id)
        if (lost.has(entry.name)) await assert.rejects(bytes)
        else assert.equal((await bytes).length, entry.size)
        read++
      }
      assert.equal(read, 301)
      assert.ok(n % 2 === 0 || lost.size < 301, 'a hole of 50 bytes does not take everything away')
      repository.close()
    }
  })

  test('writes snapshots without what is lost, and deletes the damaged ones when asked', async () => {
    for (const dropDamaged of [false, true]) {
      const { bucket, one, two, data } = await make()
      await bucket.delete(data)
      const report = await repair(bucket, { replace: true, dropDamaged })
      assert.deepEqual(
        report.replaced.map(({ damaged }) => damaged),
        [one, two],
      )
      const repository = await Repository.open(bucket)
      const [first, second] = report.replaced.map(({ by }) => by)
      const replaced = await repository.snapshots.read(second!)
      assert.deepEqual(replaced.parents, [first])
      assert.equal(replaced.unreadable, 302)
      assert.deepEqual(
        (await repository.snapshots.read(first!)).tags,
        dropDamaged ? ['first', 'repaired'] : ['repaired'],
      )
      const read = (await readSnapshot(repository, second!)) as Record<string, unknown>
      assert.deepEqual([read['a'], read['many-7']], ['changed', ''])
      assert.deepEqual(
        (await repository.snapshots.list()).toSorted(),
        (dropDamaged ? [first!, second!] : [one, two, first!, second!]).toSorted(),
      )
      repository.close()
      const after = await verify(bucket, { data: true })
      assert.equal(after.whole, dropDamaged)
      // Again: nothing more to be done, and nothing done twice.
      const again = await repair(bucket, { replace: true, dropDamaged })
      assert.deepEqual(
        again.replaced.map(({ by }) => by),
        dropDamaged ? [] : [first, second],
      )
    }
  })

  test('marks directories whose trees are lost', async () => {
    const { bucket, metadata } = await make()
    await bucket.delete(metadata)
    const report = await repair(bucket, { replace: true, dropDamaged: true })
    const repository = await Repository.open(bucket)
    const [first, second] = report.replaced.map(({ by }) => by)
    const roots = [first, second].map(async (id) => (await repository.snapshots.read(id!)).root)
    assert.deepEqual(
      (await Promise.all(roots)).map(({ unreadable, content }) => [unreadable, content === undefined]),
      [
        [true, true],
        [false, false],
      ],
    )
    assert.equal((await verify(bucket, { data: true })).whole, true)
  })

  test('gives a repository without configuration a new one', async () => {
    const { bucket, one } = await make()
    await bucket.delete('config')
    assert.equal((await repair(bucket)).newConfig, true)
    await assertReadable(bucket, one, plan)
    await assert.rejects(repair(new MemoryBucket()), (error) => isTidemarkError(error, 'missing'))
  })

  test('deletes damaged records of condemned packs, which keep everyone from writing', async () => {
    const { bucket } = await make()
    const good = await condemn(bucket, ['x'.repeat(32)])
    const bad = await condemn(bucket, ['y'.repeat(32)])
    await rewrite(bucket, bad.name, flip(9))
    await assert.rejects((await Repository.open(bucket)).write(), (error) =>
      isTidemarkError(error, 'corrupt'),
    )
    assert.equal((await repair(bucket)).deletedRecords, 1)
    assert.deepEqual(await namesIn(bucket, 'condemned/'), [good.name])
    await (await (await Repository.open(bucket)).write()).close()
  })

  test('keeps condemned packs in the index: writers that began earlier may need them', async () => {
    const { bucket, one, data } = await make()
    await condemn(bucket, [idInName(data)!])
    await repair(bucket)
    await assertReadable(bucket, one, plan)
  })

  test('does not run beside another, nor beside a prune', async () => {
    const { bucket } = await make()
    const lease = await takeCare(bucket)
    await assert.rejects(repair(bucket), (error) => isTidemarkError(error, 'busy'))
    await assert.rejects(prune(await Repository.open(bucket)), (error) => isTidemarkError(error, 'busy'))
    assert.equal((await repair(bucket, { ignoreLeases: [lease.name] })).findings.length, 0)
    await lease.release()
  })

  test('runs while others write, and keeps what they publish', async () => {
    const { bucket } = await make()
    const repository = await Repository.open(bucket)
    const writer = await repository.write()
    const before = await writeSnapshot(repository, { new: 'before' }, { time: 5 })
    await repair(bucket)
    const after = await writeSnapshot(repository, { new: 'after' }, { time: 6 })
    await writer.close()
    await assertReadable(bucket, before, { new: 'before' })
    await assertReadable(bucket, after, { new: 'after' })
  })
})
