import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { initFolder, type Folder } from '../../../../src/folder/folder.ts'
import { temporaryNames } from '../../../../src/folder/apply/temporary-name.ts'
import { takeSnapshot, type SnapshotReport } from '../../../../src/history/snapshot.ts'
import { verify } from '../../../../src/history/verify.ts'
import { walkTree } from '../../../../src/tree/walk.ts'
import { asNobody, canChangeUser } from '../../../suites/as-nobody.ts'
import { memoryDirectory } from '../../../suites/temporary-directory.ts'

async function begin(t: TestContext): Promise<Folder> {
  const root = `${memoryDirectory(t)}/folder`
  mkdirSync(`${root}/closed/below`, { recursive: true })
  writeFileSync(`${root}/closed/file`, 'its content')
  writeFileSync(`${root}/closed/below/deep`, 'deeper')
  symlinkSync('file', `${root}/closed/link`)
  const folder = await initFolder(root)
  t.after(() => folder.close())
  return folder
}

/** A line for each entry: what it is, and whether it is whole. */
async function list(folder: Folder, { snapshot }: SnapshotReport): Promise<string[]> {
  const lines = []
  for await (const { path, entry } of walkTree(await folder.repository(), snapshot!.root))
    lines.push(`${path} ${entry.kind}${entry.unreadable ? ' unreadable' : ''}`)
  return lines
}

suite('names that are there and cannot be looked at', () => {
  test('stay in the tree, marked, and come back whole', async (t) => {
    if (!canChangeUser(t)) return
    const folder = await asNobody(() => begin(t))
    await setTimeout(25)
    const first = await asNobody(() => takeSnapshot(folder))
    const whole = await list(folder, first)
    assert.ok(whole.includes('closed/below/deep file'))

    // Its names can be read, but nothing can be asked about them.
    chmodSync(`${folder.root}/closed`, 0o400)
    const second = await asNobody(() => takeSnapshot(folder))
    assert.deepEqual(
      second.problems.map(({ path, code }) => `${path} ${code}`),
      ['closed/below unreadable', 'closed/file unreadable', 'closed/link unreadable'],
    )
    assert.deepEqual(
      (await list(folder, second)).filter((line) => line.startsWith('closed/')),
      ['closed/below directory unreadable', 'closed/file file unreadable', 'closed/link symlink unreadable'],
    )
    assert.equal(second.snapshot!.unreadable, 3)

    chmodSync(`${folder.root}/closed`, 0o755)
    const third = await asNobody(() => takeSnapshot(folder))
    assert.deepEqual([third.problems, await list(folder, third)], [[], whole])
    const { bucket } = await folder.repository()
    assert.deepEqual((await verify(bucket, { data: true })).findings, [])
  })
})

test('what a restore has under way is not part of the folder, and whatever else is named like it is', async (t) => {
  const folder = await begin(t)
  const name = temporaryNames()()
  writeFileSync(`${folder.root}/closed/${name}`, 'half a file')
  writeFileSync(`${folder.root}/${name}`, 'half a file')
  const ofUser = [
    '.tidemark-notes',
    '.tidemark-notes~',
    '.tidemark-1~',
    name.slice(0, -1),
    name.replace(/[0-9a-f]~$/, '~'),
    name.replace('-', '--'),
    `${name}~`,
  ]
  for (const other of ofUser) writeFileSync(`${folder.root}/${other}`, 'of a user')
  const lines = await list(folder, await takeSnapshot(folder))
  assert.deepEqual(
    lines.filter((line) => line.includes('.tidemark')),
    ofUser.map((other) => `${other} file`).toSorted(),
  )
})
