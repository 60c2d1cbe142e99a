import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { forget, forgetSnapshots } from '../../../src/history/forget.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { Repository } from '../../../src/store/repository/repository.ts'
import { testFolder, writeSnapshot } from '../../suites/repository-builder.ts'

async function threeDays(): Promise<Repository> {
  const repository = await Repository.create(new MemoryBucket())
  for (const day of [1, 2, 3]) {
    for (const hour of [10, 20]) {
      const time = Date.UTC(2026, 10, day, hour)
      await writeSnapshot(repository, { a: `${day} ${hour}` }, { time })
    }
  }
  await writeSnapshot(repository, { a: 'other' }, { folder: 'aa'.repeat(16), time: 0 })
  return repository
}

suite('forget', () => {
  test('deletes what the policy does not keep, of one folder', async () => {
    const repository = await threeDays()
    const report = await forget(repository, testFolder, { daily: 2 }, { zone: 0 })
    assert.deepEqual(
      report.kept.map(({ snapshot }) => snapshot.snapshot.time),
      [Date.UTC(2026, 10, 3, 20), Date.UTC(2026, 10, 2, 20)],
    )
    assert.equal(report.forgotten.length, 4)
    const left = await repository.snapshots.list()
    assert.equal(left.length, 3)
    for (const { id } of report.forgotten) assert.ok(!left.includes(id))
  })

  test('a dry run deletes nothing', async () => {
    const repository = await threeDays()
    const report = await forget(repository, testFolder, { last: 1 }, { dryRun: true })
    assert.equal(report.forgotten.length, 5)
    assert.equal((await repository.snapshots.list()).length, 7)
  })

  test('refuses to go on without a policy', async () => {
    const repository = await threeDays()
    await assert.rejects(forget(repository, testFolder, {}), (error) => isTidemarkError(error, 'usage'))
    assert.equal((await repository.snapshots.list()).length, 7)
  })

  test('forgets single snapshots, all of those named or none', async () => {
    const repository = await threeDays()
    const [one, two] = await repository.snapshots.list()
    await assert.rejects(forgetSnapshots(repository, [one!, '?'.repeat(32)]), (error) =>
      isTidemarkError(error, 'missing'),
    )
    assert.equal((await repository.snapshots.list()).length, 7)
    await forgetSnapshots(repository, [one!, two!])
    const left = await repository.snapshots.list()
    assert.equal(left.length, 5)
    assert.ok(!left.includes(one!) && !left.includes(two!))
  })
})
