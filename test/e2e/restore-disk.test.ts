import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { isTidemarkError } from '../../src/errors.ts'
import { restore } from '../../src/history/restore.ts'
import type { DirectoryEntry } from '../../src/object/entry.ts'
import { Repository } from '../../src/store/repository/repository.ts'
import { DirectoryBucket } from '../../src/store/directory-bucket.ts'
import { mountSmall } from '../suites/mount.ts'
import { writeSnapshot, type Plan } from '../suites/repository-builder.ts'
import { temporaryDirectory } from '../suites/temporary-directory.ts'

async function snapshotOf(
  t: TestContext,
  plan: Plan,
): Promise<{ repository: Repository; root: DirectoryEntry }> {
  const repository = await Repository.create(new DirectoryBucket(temporaryDirectory(t), { durable: false }))
  t.after(() => repository.close())
  const { root } = await repository.snapshots.read(await writeSnapshot(repository, plan))
  return { repository, root }
}

/** More files than are written without threads. */
function manyFiles(count: number, size: number): Plan {
  const plan: Record<string, Plan> = {}
  for (let n = 0; n < count; n += 100) {
    const directory: Record<string, string> = {}
    for (let k = 0; k < 100; k++) directory[`f${k}`] = `${n + k} `.repeat(size)
    plan[`d${n}`] = directory
  }
  return plan
}

suite('restore, to a disk that does not bear it', () => {
  for (const [how, count] of [
    ['by one thread', 500],
    ['by several', 3000],
  ] as const) {
    test(`rejects full when there is no space (${how}), and leaves whole files and no others`, async (t) => {
      const disk = mountSmall(t, 'size=4m')
      if (disk === undefined) return
      const size = count === 500 ? 4000 : 500
      const { repository, root } = await snapshotOf(t, manyFiles(count, size))
      const rejected = restore(repository, root, join(disk, 'target'))
      await assert.rejects(rejected, (error) => isTidemarkError(error, 'full'))
      let files = 0
      const target = join(disk, 'target')
      for (const directory of readdirSync(target, 'utf8')) {
        for (const name of readdirSync(join(target, directory), 'utf8')) {
          const number: number = Number(directory.slice(1)) + Number(name.slice(1))
          assert.equal(readFileSync(join(target, directory, name), 'utf8'), `${number} `.repeat(size))
          files++
        }
      }
      assert.ok(files < count)
    })
  }

  test('keeps what was there when there is no space for the new', async (t) => {
    const disk = mountSmall(t, 'size=1m')
    if (disk === undefined) return
    const small = await snapshotOf(t, { a: 'old', b: 'old' })
    await restore(small.repository, small.root, disk)
    const large = await snapshotOf(t, { a: 'new', b: 'x'.repeat(2_000_000) })
    await assert.rejects(restore(large.repository, large.root, disk), (error) =>
      isTidemarkError(error, 'full'),
    )
    assert.deepEqual(readdirSync(disk).toSorted(), ['a', 'b'])
    assert.equal(readFileSync(join(disk, 'b'), 'utf8'), 'old')
  })

  test('rejects denied on a read-only disk', async (t) => {
    const disk = mountSmall(t, 'size=1m')
    if (disk === undefined) return
    const { repository, root } = await snapshotOf(t, { a: 'text' })
    assert.equal(spawnSync('mount', ['-o', 'remount,ro', disk]).status, 0)
    for (const target of [disk, join(disk, 'target')]) {
      await assert.rejects(restore(repository, root, target), (error) => isTidemarkError(error, 'denied'))
    }
    assert.deepEqual(readdirSync(disk), [])
  })

  test('works across the file systems that are mounted in the target', async (t) => {
    const disk = mountSmall(t, 'size=8m')
    if (disk === undefined) return
    const { repository, root } = await snapshotOf(t, { [disk.split('/').at(-1)!]: manyFiles(200, 10) })
    const report = await restore(repository, root, join(disk, '..'), { paths: [disk.split('/').at(-1)!] })
    assert.deepEqual(
      report.problems.filter(({ code }) => code !== 'lost-metadata'),
      [],
    )
    assert.equal(report.files, 200)
    assert.ok(statSync(join(disk, 'd0/f0')).isFile())
  })
})
