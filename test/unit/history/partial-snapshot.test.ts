import assert from 'node:assert/strict'
import { copyFileSync, linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { initFolder } from '../../../src/folder/folder.ts'
import type { Folder } from '../../../src/folder/folder.ts'
import { countFlagged } from '../../../src/history/flagged.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import { folderStatus } from '../../../src/history/status.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { fileEntry, plant } from '../../suites/plant.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

async function makeFolder(t: TestContext): Promise<Folder> {
  const folder = await initFolder(temporaryDirectory(t))
  t.after(() => folder.close())
  for (const name of ['d', 'e']) mkdirSync(join(folder.root, name))
  for (const name of ['d/one', 'e/other']) writeFileSync(join(folder.root, name), name)
  return folder
}

test('only the directories asked for are looked at', async (t) => {
  const folder = await makeFolder(t)
  await takeSnapshot(folder)
  writeFileSync(join(folder.root, 'd/one'), 'changed')
  writeFileSync(join(folder.root, 'e/other'), 'changed too')
  await takeSnapshot(folder, { only: new Set(['d']) })
  const left = await Array.fromAsync(folderStatus(folder))
  assert.deepEqual(
    left.map(({ path }) => path),
    ['e/other'],
  )
})

test('where a file has several names everything is looked at', async (t) => {
  const folder = await makeFolder(t)
  linkSync(join(folder.root, 'd/one'), join(folder.root, 'd/two'))
  await takeSnapshot(folder)
  writeFileSync(join(folder.root, 'e/other'), 'changed')
  const { id } = await takeSnapshot(folder, { only: new Set(['d']) })
  assert.ok(id)
  assert.deepEqual(await Array.fromAsync(folderStatus(folder)), [])
})

test('where a file gets a second name everything is looked at', async (t) => {
  const folder = await makeFolder(t)
  await takeSnapshot(folder)
  linkSync(join(folder.root, 'd/one'), join(folder.root, 'e/two'))
  const { id } = await takeSnapshot(folder, { only: new Set(['e']) })
  assert.ok(id)
  assert.deepEqual(await Array.fromAsync(folderStatus(folder)), [])
})

test('a state left behind by a process that was killed after publishing is of use, and does no harm', async (t) => {
  const folder = await makeFolder(t)
  await takeSnapshot(folder)
  folder.close()
  const state = join(folder.root, '.tidemark/state.sqlite')
  copyFileSync(state, join(folder.root, '.tidemark/old'))
  writeFileSync(join(folder.root, 'd/one'), 'changed')
  const { id } = await takeSnapshot(folder)
  folder.close()
  copyFileSync(join(folder.root, '.tidemark/old'), state)
  // Both notice that nothing has changed since the second.
  for (const time of ['first', 'second']) {
    const report = await takeSnapshot(folder)
    assert.equal(report.id, undefined, time)
    assert.equal(report.parent, id, time)
  }
})

test('what is not whole is counted from what differs', async () => {
  const store = new MemoryStore()
  const whole = fileEntry('')
  const unreadable = { ...whole, unreadable: true }
  const unstable = { ...whole, unstable: true }
  const before = await plant(store, { a: unreadable, b: { c: unstable, d: unreadable }, e: whole, f: whole })
  const after = await plant(store, { a: unreadable, e: unstable, f: { g: unstable, h: whole } })
  const counts = await countFlagged(store, before, after, { unreadable: 2, unstable: 1 })
  assert.deepEqual(counts, { unreadable: 1, unstable: 2 })
})
