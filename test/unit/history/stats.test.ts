import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { repositoryStats } from '../../../src/history/stats.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { Repository } from '../../../src/store/repository/repository.ts'
import { writeSnapshot } from '../../suites/repository-builder.ts'

suite('repository statistics', () => {
  test('of an empty repository', async () => {
    const stats = await repositoryStats(await Repository.create(new MemoryBucket()))
    assert.deepEqual([stats.snapshots, stats.logicalBytes, stats.chunks, stats.packs], [[], 0, 0, 0])
    assert.ok(stats.storedBytes > 0, 'the configuration')
  })

  test('tells what is shared from what belongs to one snapshot', async () => {
    const bucket = new MemoryBucket()
    const repository = await Repository.create(bucket)
    const shared = { d: { e: { big: 'same '.repeat(500) } } }
    const one = await writeSnapshot(repository, { ...shared, a: 'only one' })
    const two = await writeSnapshot(repository, { ...shared, a: 'only two!', b: 'only one' }, { time: 1 })
    const stats = await repositoryStats(repository)
    const own = new Map(stats.snapshots.map((each) => [each.id, each]))
    // Its own are the root, and the file if nobody else has its content.
    assert.equal(own.get(one)!.ownChunks, 1)
    assert.equal(own.get(two)!.ownChunks, 2)
    assert.ok(own.get(two)!.ownBytes > 'only two!'.length)
    assert.equal(stats.logicalBytes, 2 * 2500 + 'only one'.length * 2 + 'only two!'.length)
    assert.equal(stats.entries, 4 + 5)
    assert.equal(stats.usedChunks, stats.chunks)
    assert.ok(stats.usedStoredBytes < stats.usedBytes)
    const stored = await Array.fromAsync(bucket.list(''))
    assert.equal(
      stats.storedBytes,
      stored.reduce((sum, { size }) => sum + size, 0),
    )
  })

  test('a tree that two snapshots share is shared to its last chunk', async () => {
    const repository = await Repository.create(new MemoryBucket())
    const deep = { x: { y: { z: { f: 'one', g: 'two' } } } }
    for (const time of [0, 1, 2]) await writeSnapshot(repository, deep, { time })
    for (const { ownChunks } of (await repositoryStats(repository)).snapshots) assert.equal(ownChunks, 0)
  })

  test('what is of no more use is counted, but not as used', async () => {
    const repository = await Repository.create(new MemoryBucket())
    const gone = await writeSnapshot(repository, { a: 'one' })
    await writeSnapshot(repository, { b: 'two' }, { time: 1 })
    await repository.snapshots.delete(gone)
    const stats = await repositoryStats(repository)
    assert.deepEqual([stats.chunks, stats.usedChunks, stats.snapshots.length], [4, 2, 1])
  })
})
