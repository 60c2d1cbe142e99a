import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { initFolder, type Folder } from '../../../src/folder/folder.ts'
import { advanceFolder } from '../../../src/history/advance.ts'
import { prune } from '../../../src/history/prune.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import type { Last } from '../../../src/history/taking.ts'
import { verify } from '../../../src/history/verify.ts'
import { compareClocks } from '../../../src/object/clock.ts'
import type { Entry } from '../../../src/object/entry.ts'
import { idOf } from '../../../src/object/id.ts'
import { lookUp } from '../../../src/tree/directory.ts'
import { advanceTo, capture, foreignSnapshot, type AdvanceOptions } from '../../suites/advance-to.ts'
import { fileEntry, plant, type Plant } from '../../suites/plant.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

type Tree = { readonly [name: string]: Plant }

/** A folder that holds `tree`, as it was taken over from another device; its newest snapshot. */
async function folderWith(t: TestContext, tree: Tree): Promise<[Folder, Last]> {
  const folder = await initFolder(temporaryDirectory(t))
  t.after(() => folder.close())
  const { head, done } = await goOn(folder, await capture(folder), tree)
  assert.ok(done)
  return [folder, head]
}

function goOn(
  folder: Folder,
  from: Last,
  tree: Tree,
  options?: AdvanceOptions,
): ReturnType<typeof advanceTo> {
  return advanceTo(folder, from, (store) => plant(store, tree), options)
}

async function entryAt(folder: Folder, { snapshot }: Last, path: string): Promise<Entry | undefined> {
  return lookUp(await folder.repository(), snapshot.root, path)
}

async function contentAt(folder: Folder, last: Last, path: string): Promise<string | undefined> {
  const entry = await entryAt(folder, last, path)
  if (entry?.kind !== 'file') return undefined
  if (entry.content === undefined) return ''
  return new TextDecoder().decode(await (await folder.repository()).get(entry.content.id))
}

async function loseState(folder: Folder): Promise<void> {
  folder.close()
  for (const end of ['', '-wal', '-shm'])
    rmSync(join(folder.root, `.tidemark/state.sqlite${end}`), { force: true })
}

async function neverCalled(): Promise<never> {
  assert.fail('applied')
}

const text = (text: string): Uint8Array => new TextEncoder().encode(text)
const chunk = (text: string): Entry =>
  fileEntry('', text.length, { depth: 0, id: idOf(new TextEncoder().encode(text)) })

test('what was applied is not read again', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one', d: { b: 'two', c: 'three' } })
  const { head, to, read } = await goOn(folder, from, { a: 'ONE', d: { b: 'two', e: { f: 'four' } } })
  assert.equal(head.id, to.id)
  assert.equal(read, 0)
  const { id, parent, read: later } = await takeSnapshot(folder)
  assert.deepEqual([id, parent, later], [undefined, to.id, 0])
})

test('many files, written by several threads, are not read again', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one' })
  const many = Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`file ${n}`, `content ${n}`]))
  const { head, to, read } = await goOn(folder, from, { a: 'one', many, [`d\u00e4`]: { b: 'two' } })
  assert.equal(head.id, to.id)
  assert.equal(read, 0)
  assert.equal((await takeSnapshot(folder)).read, 0)
})

test('what was renamed is not read again', async (t) => {
  const d = { 'b\u00e4': 'two', e: { f: 'three' } }
  const [folder, from] = await folderWith(t, { a: 'one', d })
  const { head, to, read } = await goOn(folder, from, { m: { a: 'one' }, n: { 'd\u00fc': d } })
  assert.equal(head.id, to.id)
  assert.equal(read, 0)
  assert.equal((await takeSnapshot(folder)).read, 0)
  writeFileSync(join(folder.root, 'n/d\u00fc/e/f'), 'own')
  const own = await capture(folder)
  assert.equal(await contentAt(folder, own, 'n/d\u00fc/e/f'), 'own')
})

test('a file that is changed before the look is read', async (t) => {
  for (const change of ['content', 'mode', 'replaced', 'time'] as const) {
    const [folder, from] = await folderWith(t, { a: 'one', d: { b: 'two' } })
    const path = join(folder.root, 'd/b')
    const { head, to, done } = await goOn(
      folder,
      from,
      { a: 'one', d: { b: 'new' } },
      {
        apply: async (apply) => {
          const applied = await apply()
          if (change === 'content') writeFileSync(path, 'own')
          else if (change === 'mode') chmodSync(path, 0o600)
          else if (change === 'time') utimesSync(path, 1, 1)
          else {
            rmSync(path)
            writeFileSync(path, 'own')
          }
          return applied
        },
      },
    )
    assert.ok(done, change)
    assert.notEqual(head.id, to.id, change)
    assert.deepEqual(head.snapshot.parents, [to.id], change)
    assert.equal(head.snapshot.device, folder.settings.device, change)
    const isOwn = change === 'content' || change === 'replaced'
    assert.equal(await contentAt(folder, head, 'd/b'), isOwn ? 'own' : 'new', change)
    const entry = (await entryAt(folder, head, 'd/b'))!
    if (change === 'mode') assert.equal(entry.mode, 0o600)
    if (change === 'time') assert.equal(entry.mtimeNs, 1_000_000_000n)
    assert.equal((await takeSnapshot(folder)).id, undefined, change)
  }
})

test('what could not be applied is left, and recorded after what was before', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one', b: 'two' })
  writeFileSync(join(folder.root, 'b'), 'own')
  const { head, to, done } = await goOn(folder, from, { a: 'ONE', b: 'TWO' })
  assert.equal(done, false)
  assert.deepEqual(head.snapshot.parents, [from.id])
  assert.equal(
    compareClocks({ ...head, clock: head.snapshot.clock }, { ...to, clock: to.snapshot.clock }),
    'concurrent',
  )
  assert.deepEqual([await contentAt(folder, head, 'a'), await contentAt(folder, head, 'b')], ['ONE', 'own'])
  const repository = await folder.repository()
  assert.equal((await repository.snapshots.list()).includes(to.id), false)
})

test('a content that is not to be had does not take the place of another', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one' })
  const { head, done, applied } = await goOn(folder, from, { a: chunk('never stored') })
  assert.equal(done, false)
  assert.equal(head.id, from.id)
  assert.ok(applied)
  assert.equal((await takeSnapshot(folder)).id, undefined)
})

test('a content that is not to be had is no reason not to go on where there was nothing', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one' })
  await folder.noteHeld({})
  const { head, to, done, applied } = await goOn(folder, from, { a: 'one', b: chunk('never stored') })
  assert.ok(done)
  assert.deepEqual(applied?.refused, ['b'])
  assert.equal(head.id, to.id)
  assert.equal((await takeSnapshot(folder)).id, undefined)
})

test('a file that nobody could read is no reason not to go on', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one', b: 'two' })
  const unreadable: Entry = { ...fileEntry('', 3), unreadable: true }
  const { head, done } = await goOn(folder, from, { a: 'one', b: unreadable })
  assert.ok(done)
  assert.equal(await contentAt(folder, head, 'b'), 'two')
})

test('from a snapshot that is not the newest nothing is done', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one' })
  writeFileSync(join(folder.root, 'a'), 'own')
  await capture(folder)
  await assert.rejects(goOn(folder, from, { a: 'ONE' }, { apply: neverCalled }), {
    code: 'conflict',
  })
  assert.equal(readFileSync(join(folder.root, 'a'), 'utf8'), 'own')
})

test('a snapshot that is not what it is said to be is refused', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one' })
  const repository = await folder.repository()
  const writer = await repository.write()
  t.after(() => writer.close())
  const to = { ...foreignSnapshot(from, from.snapshot.root), id: from.id }
  const apply = neverCalled
  await assert.rejects(advanceFolder(folder, { writer, from, to, apply }), { code: 'corrupt' })
})

test('where only the timeline is kept, snapshots of others are no damage', async (t) => {
  const folder = await initFolder(temporaryDirectory(t), { history: 'none' })
  t.after(() => folder.close())
  writeFileSync(join(folder.root, 'large'), Buffer.alloc(3_000_000, randomBytes(1000)))
  const from = await capture(folder)
  const repository = await folder.repository()
  // Its own are none, either.
  await prune(repository)
  const { head, to } = await advanceTo(folder, from, async () => ({ ...from.snapshot.root, mode: 0o750 }))
  assert.equal(head.id, to.id)
  assert.ok(to.snapshot.contents)
  assert.deepEqual((await verify(repository.bucket)).findings, [])
  await prune(repository)
  assert.deepEqual((await verify(repository.bucket)).findings, [])
})

test('without its records a folder goes on from what it has moved on to', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one', d: { b: 'two' } })
  const { to } = await goOn(folder, from, { a: 'ONE', d: { b: 'two' } })
  await loseState(folder)
  const same = await takeSnapshot(folder)
  assert.deepEqual([same.id, same.parent], [undefined, to.id])
  writeFileSync(join(folder.root, 'a'), 'own')
  const own = await takeSnapshot(folder)
  assert.equal(own.parent, to.id)
  await loseState(folder)
  const later = await takeSnapshot(folder)
  assert.deepEqual([later.id, later.parent], [undefined, own.id])
})

test('without its records and its note a folder goes on from its own last snapshot', async (t) => {
  const folder = await initFolder(temporaryDirectory(t))
  t.after(() => folder.close())
  mkdirSync(join(folder.root, 'd'))
  const own = await capture(folder)
  await goOn(folder, own, { a: 'one' })
  rmSync(join(folder.root, '.tidemark/head'))
  await loseState(folder)
  const { id, parent } = await takeSnapshot(folder)
  assert.ok(id)
  assert.equal(parent, own.id)
})

test('records of before a move do not hide it', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one', d: { b: 'two' } })
  folder.close()
  const state = join(folder.root, '.tidemark/state.sqlite')
  copyFileSync(state, join(folder.root, '.tidemark/old'))
  const { to } = await goOn(folder, from, { a: 'ONE', d: { b: 'TWO' } })
  folder.close()
  copyFileSync(join(folder.root, '.tidemark/old'), state)
  // As after a kill between the publishing and the commit of the records.
  const { id, parent } = await takeSnapshot(folder)
  assert.deepEqual([id, parent], [undefined, to.id])
})

test('a note of what was never published counts for nothing', async (t) => {
  const [folder, from] = await folderWith(t, { a: 'one' })
  await folder.noteHead(idOf(text('nothing')))
  const { id, parent } = await takeSnapshot(folder)
  assert.deepEqual([id, parent], [undefined, from.id])
  await loseState(folder)
  await assert.doesNotReject(takeSnapshot(folder))
})
