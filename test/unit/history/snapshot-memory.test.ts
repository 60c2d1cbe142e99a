import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { initFolder, type Folder } from '../../../src/folder/folder.ts'
import { forgetSnapshots } from '../../../src/history/forget.ts'
import { prune } from '../../../src/history/prune.ts'
import { takeSnapshot, type SnapshotReport } from '../../../src/history/snapshot.ts'
import { verify } from '../../../src/history/verify.ts'
import { asNobody, canChangeUser } from '../../suites/as-nobody.ts'
import { mountMemory } from '../../suites/mount.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

/*
 * What is remembered of unchanged files may only be relied on while the last snapshot names it. Here something
 * is left out of one snapshot, all snapshots that have it are forgotten, and then it is there again, untouched.
 */

async function begin(t: TestContext): Promise<Folder> {
  const parent = memoryDirectory(t)
  const root = `${parent}/folder`
  mkdirSync(`${root}/part/deep`, { recursive: true })
  writeFileSync(`${root}/part/deep/file`, 'what was there once')
  const folder = await initFolder(root, { repository: `${parent}/repository` })
  t.after(() => folder.close())
  return folder
}

/** A snapshot of files that have been left alone for long enough to be recognised. */
async function snapshot(folder: Folder, oneFileSystem = false): Promise<SnapshotReport> {
  await setTimeout(25)
  return takeSnapshot(folder, { oneFileSystem })
}

/** The snapshot before is forgotten, and all that only it had is deleted. */
async function lose(folder: Folder, { id }: SnapshotReport): Promise<void> {
  const repository = await folder.repository()
  await forgetSnapshots(repository, [id!])
  const { deleted } = await prune(repository, { deadShare: 0 })
  assert.ok(deleted > 0)
}

async function assertWhole(folder: Folder): Promise<void> {
  const { bucket } = await folder.repository()
  assert.deepEqual((await verify(bucket, { data: true })).findings, [])
}

suite('a snapshot of what an earlier one left out', () => {
  test('keeps a directory whose place a file had', async (t) => {
    const folder = await begin(t)
    const first = await snapshot(folder)
    renameSync(`${folder.root}/part`, `${folder.root}-aside`)
    writeFileSync(`${folder.root}/part`, 'a file')
    assert.equal((await snapshot(folder)).files, 1)
    await lose(folder, first)
    rmSync(`${folder.root}/part`)
    renameSync(`${folder.root}-aside`, `${folder.root}/part`)
    assert.equal((await snapshot(folder)).read, 19)
    await assertWhole(folder)
  })

  test('keeps a directory that could not be read', async (t) => {
    if (!canChangeUser(t)) return
    const folder = await asNobody(() => begin(t))
    const first = await asNobody(() => snapshot(folder))
    chmodSync(`${folder.root}/part`, 0)
    const second = await asNobody(() => snapshot(folder))
    assert.deepEqual(
      second.problems.map(({ path, code }) => [path, code]),
      [['part', 'unreadable']],
    )
    await asNobody(() => lose(folder, first))
    chmodSync(`${folder.root}/part`, 0o755)
    assert.equal((await asNobody(() => snapshot(folder))).read, 19)
    await assertWhole(folder)
  })

  test('keeps another file system that was left out', async (t) => {
    const folder = await begin(t)
    const inside = `${folder.root}/mounted`
    mkdirSync(inside)
    using mounted = mountMemory(t, inside)
    if (mounted === undefined) return
    rmSync(`${folder.root}/part`, { recursive: true })
    mkdirSync(`${inside}/deep`)
    writeFileSync(`${inside}/deep/file`, 'of another file system')
    const first = await snapshot(folder)
    assert.equal(first.files, 1)
    assert.equal((await snapshot(folder, true)).files, 0)
    await lose(folder, first)
    assert.equal((await snapshot(folder)).read, 22)
    await assertWhole(folder)
  })
})
