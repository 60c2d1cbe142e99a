import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../src/errors.ts'
import { DirectoryBucket } from '../../src/store/directory-bucket.ts'
import { mountSmall } from '../suites/mount.ts'
import { listed, pattern, rejects } from '../suites/bucket-suite.ts'

/** Puts until the disk is full; returns the names that were put. */
async function fill(bucket: DirectoryBucket, size: number): Promise<string[]> {
  const names: string[] = []
  for (;;) {
    const name = `packs/${names.length % 4}/n${names.length}`
    try {
      await bucket.put(name, pattern(size, names.length))
    } catch (error) {
      assert.ok(isTidemarkError(error, 'full'), String(error))
      return names
    }
    names.push(name)
  }
}

suite('DirectoryBucket on a real disk', () => {
  test('rejects full when there is no space, and loses nothing', async (t) => {
    const disk = mountSmall(t, 'size=1m')
    if (disk === undefined) return
    const bucket = new DirectoryBucket(join(disk, 'bucket'))
    await bucket.put('ref', pattern(10_000))
    const names = await fill(bucket, 50_000)
    assert.ok(names.length > 10, `${names.length} fitted`)
    await rejects(bucket.put('ref', pattern(200_000, 1)), 'full')
    await rejects(bucket.put('other/d/x', pattern(200_000, 1)), 'full')
    assert.deepEqual(readdirSync(join(bucket.root, 'tmp')), [])
    assert.deepEqual(await bucket.get('ref'), pattern(10_000))
    for (const [at, name] of names.entries()) assert.deepEqual(await bucket.get(name), pattern(50_000, at))
    assert.equal((await listed(bucket, '')).length, names.length + 1)

    await bucket.delete(names[0]!)
    await bucket.put('ref', pattern(40_000, 1))
    assert.deepEqual(await bucket.get('ref'), pattern(40_000, 1))
  })

  test('rejects full when there are no more inodes', async (t) => {
    const disk = mountSmall(t, 'size=10m,nr_inodes=20')
    if (disk === undefined) return
    const bucket = new DirectoryBucket(disk)
    const names = await fill(bucket, 10)
    assert.ok(names.length > 5)
    await rejects(bucket.put('another/directory/x', pattern(1)), 'full')
    for (const [at, name] of names.entries()) assert.deepEqual(await bucket.get(name), pattern(10, at))
    await bucket.delete(names[0]!)
    await bucket.put('ref', pattern(1))
  })

  test('rejects denied on a read-only disk, and reads on', async (t) => {
    const disk = mountSmall(t, 'size=1m')
    if (disk === undefined) return
    const bucket = new DirectoryBucket(disk)
    await bucket.put('a', pattern(10))
    assert.equal(spawnSync('mount', ['-o', 'remount,ro', disk]).status, 0)
    await rejects(bucket.put('a', pattern(20)), 'denied')
    await rejects(bucket.delete('a'), 'denied')
    await rejects(new DirectoryBucket(disk).put('b', pattern(20)), 'denied')
    await rejects(new DirectoryBucket(join(disk, 'new')).put('b', pattern(20)), 'denied')
    assert.deepEqual(await bucket.get('a'), pattern(10))
    assert.equal((await listed(bucket, '')).length, 1)
  })

  test('rejects unavailable once the disk is unmounted, and makes nothing in its place', async (t) => {
    const disk = mountSmall(t, 'size=1m')
    if (disk === undefined) return
    for (const root of [disk, join(disk, 'bucket')]) {
      const bucket = new DirectoryBucket(root)
      await bucket.put('d/a', pattern(10))
      assert.equal(spawnSync('umount', [disk]).status, 0)
      await rejects(bucket.get('d/a'), 'unavailable')
      await rejects(bucket.put('d/a', pattern(10)), 'unavailable')
      await rejects(bucket.put('e/a', pattern(10)), 'unavailable')
      await rejects(bucket.delete('d/a'), 'unavailable')
      await rejects(listed(bucket, ''), 'unavailable')
      assert.deepEqual(readdirSync(disk), [])
      assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tidemark-test', disk]).status, 0)
      assert.equal(existsSync(join(disk, 'tmp')), false)
    }
  })
})
