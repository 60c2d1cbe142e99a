import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { initFolder } from '../../../src/folder/folder.ts'
import { restore } from '../../../src/history/restore.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import { asNobody, canChangeUser } from '../../suites/as-nobody.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

test('what could not be read is neither replaced nor deleted, unless that is meant', async (t) => {
  if (!canChangeUser(t)) return
  await asNobody(async () => {
    const top = `${memoryDirectory(t)}/folder`
    mkdirSync(top)
    mkdirSync(`${top}/closed`)
    for (const name of ['edited', 'touched', 'closed/a']) writeFileSync(`${top}/${name}`, 'recorded')
    const folder = await initFolder(top)
    t.after(() => folder.close())
    const { snapshot } = await takeSnapshot(folder)
    for (const name of ['edited', 'added', 'closed/a']) writeFileSync(`${top}/${name}`, 'not recorded')
    for (const name of ['edited', 'added', 'touched', 'closed']) chmodSync(`${top}/${name}`, 0)
    const now = await takeSnapshot(folder)
    const unread = new Map(now.problems.map(({ path, message }) => [path, message]))
    assert.deepEqual([...unread.keys()].toSorted(), ['added', 'closed', 'edited', 'touched'])
    assert.equal(unread.get('edited'), 'permission denied')

    const repository = await folder.repository()
    const current = { store: repository, root: now.snapshot!.root }
    const plan = { current, delete: true }
    const told = await restore(repository, snapshot!.root, top, { ...plan, dryRun: true })
    const report = await restore(repository, snapshot!.root, top, plan)
    assert.deepEqual(report.problems.map(({ path, code }) => `${path}: ${code}`).toSorted(), [
      'added: failed',
      'closed: failed',
      'edited: failed',
    ])
    assert.equal(told.problemCount, 2, 'a directory that can be opened is told when it has been')
    // Its size and time say that it is what was recorded; only its mode is another.
    assert.equal(readFileSync(`${top}/touched`, 'utf8'), 'recorded')
    assert.equal(readFileSync(`${top}/closed/a`, 'utf8'), 'not recorded')
    for (const name of ['added', 'edited']) {
      chmodSync(`${top}/${name}`, 0o600)
      assert.equal(readFileSync(`${top}/${name}`, 'utf8'), 'not recorded')
      chmodSync(`${top}/${name}`, 0)
    }
    const again = await takeSnapshot(folder)
    const meant = { ...plan, current: { store: repository, root: again.snapshot!.root }, replaceUnread: true }
    await restore(repository, snapshot!.root, top, meant)
    assert.equal(readFileSync(`${top}/edited`, 'utf8'), 'recorded')
    assert.ok(!existsSync(`${top}/added`))
  })
})
