import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { Folder, initFolder, settleDevice } from '../../../src/folder/folder.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import { introduce, openIntroduced } from '../../../src/sync/introduce.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

async function deviceOf(root: string): Promise<string> {
  const folder = await openIntroduced(root)
  folder.close()
  return folder.settings.device
}

async function makeFolder(root: string): Promise<string> {
  mkdirSync(root)
  writeFileSync(join(root, 'a'), 'a')
  const folder = await initFolder(root)
  await takeSnapshot(folder)
  folder.close()
  return folder.settings.device
}

test('a directory becomes a copy of a folder, and only its last part is made', async (t) => {
  const top = memoryDirectory(t)
  const id = '0123456789abcdef'.repeat(2)
  const folder = await introduce(join(top, 'new'), id, { history: 'none' })
  folder.close()
  assert.equal(folder.settings.folder, id)
  assert.equal(folder.settings.history, 'none')
  const again = await introduce(join(top, 'new'), id)
  again.close()
  assert.equal(again.settings.device, folder.settings.device)
  await assert.rejects(
    introduce(join(top, 'not/there'), id),
    (error) => isTidemarkError(error, 'missing') && /there is no .*not$/.test(error.message),
  )
})

test('files that are there stay', async (t) => {
  const top = memoryDirectory(t)
  writeFileSync(join(top, 'mine'), 'mine')
  const folder = await introduce(top, 'ab'.repeat(16))
  folder.close()
  assert.equal(readFileSync(join(top, 'mine'), 'utf8'), 'mine')
})

test('another folder is refused, and joins when told to, as another device', async (t) => {
  const top = memoryDirectory(t)
  const root = join(top, 'other')
  const device = await makeFolder(root)
  const id = 'cd'.repeat(16)
  await assert.rejects(
    introduce(root, id),
    (error) => isTidemarkError(error, 'exists') && error.message.includes('--join'),
  )
  const folder = await introduce(root, id, { join: true })
  assert.equal(folder.settings.folder, id)
  assert.notEqual(folder.settings.device, device)
  // It begins anew, and what it had stays.
  const { snapshot } = await takeSnapshot(folder)
  assert.deepEqual(snapshot?.parents, [])
  assert.equal((await (await folder.repository()).snapshots.list()).length, 2)
  folder.close()
})

test('a copy of a folder is another device; so it stays, and so does the first', async (t) => {
  const top = memoryDirectory(t)
  const [first, second] = [join(top, 'first'), join(top, 'second')]
  const device = await makeFolder(first)
  cpSync(first, second, { recursive: true, preserveTimestamps: true })
  const other = await deviceOf(second)
  assert.notEqual(other, device)
  assert.equal(await deviceOf(second), other)
  assert.equal(await deviceOf(first), device)
})

test('a folder that is renamed stays the device that it was', async (t) => {
  const top = memoryDirectory(t)
  const device = await makeFolder(join(top, 'first'))
  renameSync(join(top, 'first'), join(top, 'moved'))
  assert.equal(await deviceOf(join(top, 'moved')), device)
})

test('a copy goes on from the snapshot it was copied with', async (t) => {
  const top = memoryDirectory(t)
  const [first, second] = [join(top, 'first'), join(top, 'second')]
  const device = await makeFolder(first)
  cpSync(first, second, { recursive: true, preserveTimestamps: true })
  const folder = await openIntroduced(second)
  writeFileSync(join(second, 'a'), 'changed')
  const { snapshot } = await takeSnapshot(folder)
  folder.close()
  assert.equal(snapshot?.parents.length, 1)
  assert.deepEqual(
    snapshot.clock.map(({ device }) => device).toSorted(),
    [device, folder.settings.device].toSorted(),
  )
})

test('a copy whose folder.json was removed is no longer the device either', async (t) => {
  const top = memoryDirectory(t)
  const [first, second] = [join(top, 'first'), join(top, 'second')]
  const device = await makeFolder(first)
  cpSync(first, second, { recursive: true })
  for (const root of [first, second]) rmSync(join(root, '.tidemark/folder.json'))
  const [one, two] = [await initFolder(first), await initFolder(second)]
  one.close()
  two.close()
  assert.equal(one.settings.device, device)
  assert.notEqual(two.settings.device, device)
  assert.equal(two.settings.folder, one.settings.folder)
})

test('damaged notes cost a new device id, and nothing else', async (t) => {
  const root = join(memoryDirectory(t), 'folder')
  const device = await makeFolder(root)
  for (const text of ['', '{', 'null', '{"format":"tidemark place","places":[{"device":7},null,"x"]}']) {
    writeFileSync(join(root, '.tidemark/place.json'), text)
    const folder = await settleDevice(await Folder.open(root))
    assert.notEqual(folder.settings.device, device)
    folder.close()
    assert.equal(await deviceOf(root), folder.settings.device)
  }
})

test('a folder without notes keeps its device, and has notes from then on', async (t) => {
  const root = join(memoryDirectory(t), 'folder')
  const device = await makeFolder(root)
  rmSync(join(root, '.tidemark/place.json'))
  assert.equal(await deviceOf(root), device)
  cpSync(root, `${root}-copy`, { recursive: true })
  assert.notEqual(await deviceOf(`${root}-copy`), device)
})
