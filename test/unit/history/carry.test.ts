import assert from 'node:assert/strict'
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { initFolder, type Folder } from '../../../src/folder/folder.ts'
import { restore } from '../../../src/history/restore.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import { currentTree } from '../../../src/history/status.ts'
import type { Last } from '../../../src/history/taking.ts'
import type { Entry } from '../../../src/object/entry.ts'
import { equalEntries } from '../../../src/tree/equal-entries.ts'
import { walkTree } from '../../../src/tree/walk.ts'
import { advanceTo, capture } from '../../suites/advance-to.ts'
import { asNobody, canChangeUser, nobody } from '../../suites/as-nobody.ts'
import { fileEntry, plant, type Plant } from '../../suites/plant.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

type Tree = { readonly [name: string]: Plant }

const rules = '.tidemarkignore'

async function makeFolder(
  t: TestContext,
  tree: Tree,
  selected?: readonly string[],
  root: string = temporaryDirectory(t),
): Promise<{ folder: Folder; from: Last }> {
  const folder = await initFolder(root)
  t.after(() => folder.close())
  await folder.noteHeld({ selected })
  const { head, to } = await goOn(folder, await capture(folder), tree)
  assert.equal(head.id, to.id)
  return { folder, from: head }
}

function goOn(folder: Folder, from: Last, tree: Tree): ReturnType<typeof advanceTo> {
  return advanceTo(folder, from, (store) => plant(store, tree))
}

async function paths(folder: Folder, { snapshot }: Last): Promise<string[]> {
  const found: string[] = []
  for await (const { path, entry } of walkTree(await folder.repository(), snapshot.root))
    if (entry.kind !== 'directory') found.push(path)
  return found
}

async function entryAt(folder: Folder, { snapshot }: Last, wanted: string): Promise<Entry | undefined> {
  for await (const { path, entry } of walkTree(await folder.repository(), snapshot.root))
    if (path === wanted) return entry
  return undefined
}

function loseState(folder: Folder): void {
  folder.close()
  for (const end of ['', '-wal', '-shm'])
    rmSync(join(folder.root, `.tidemark/state.sqlite${end}`), { force: true })
}

/** Nothing changes, with what is remembered and without, with a look at everything and at one directory. */
async function assertSettled(folder: Folder, head: Last): Promise<void> {
  for (const only of [undefined, new Set(['']), new Set(['d'])]) {
    const { id, parent } = await takeSnapshot(folder, { only })
    assert.deepEqual([id, parent], [undefined, head.id])
  }
  loseState(folder)
  const { id, parent } = await takeSnapshot(folder)
  assert.deepEqual([id, parent], [undefined, head.id])
}

const read = (folder: Folder, path = ''): string[] =>
  readdirSync(join(folder.root, path)).filter((name) => name !== '.tidemark')

suite('what rules leave out of a shared folder', () => {
  test('stays in its tree when others have it', async (t) => {
    const { folder, from } = await makeFolder(t, { [rules]: '*.tmp\nbuild/', d: { a: 'one' } })
    const tree = {
      [rules]: '*.tmp\nbuild/',
      'x.tmp': 'new',
      d: { a: 'one', 'y.tmp': 'new', build: { z: 'new' } },
    }
    const { head, to, done } = await goOn(folder, from, tree)
    assert.ok(done)
    assert.equal(head.id, to.id)
    assert.deepEqual(read(folder, 'd'), ['a'])
    await assertSettled(folder, head)
    // What somebody does beside it leaves it as it is.
    writeFileSync(join(folder.root, 'd/b'), 'own')
    const own = await capture(folder)
    assert.deepEqual(await paths(folder, own), [rules, 'd/a', 'd/b', 'd/build/z', 'd/y.tmp', 'x.tmp'])
    // What others do to it, too.
    const next = await goOn(folder, own, {
      [rules]: '*.tmp\nbuild/',
      d: { a: 'two', b: 'own', 'y.tmp': 'newer' },
    })
    assert.equal(next.head.id, next.to.id)
    await assertSettled(folder, next.head)
  })

  test('stays in its tree when the rule comes later', async (t) => {
    const { folder, from } = await makeFolder(t, { 'x.log': 'one', d: { 'y.log': 'two', a: 'three' } })
    writeFileSync(join(folder.root, rules), '*.log')
    writeFileSync(join(folder.root, 'x.log'), 'changed here only')
    rmSync(join(folder.root, 'd/y.log'))
    const own = await capture(folder)
    assert.deepEqual(await paths(folder, own), [rules, 'd/a', 'd/y.log', 'x.log'])
    const [before, after] = [await entryAt(folder, from, 'x.log'), await entryAt(folder, own, 'x.log')]
    assert.deepEqual(after, before)
  })

  test('is no part of a folder that is not shared', async (t) => {
    const folder = await initFolder(temporaryDirectory(t))
    t.after(() => folder.close())
    writeFileSync(join(folder.root, 'x.log'), 'one')
    await capture(folder)
    writeFileSync(join(folder.root, rules), '*.log')
    assert.deepEqual(await paths(folder, await capture(folder)), [rules])
  })

  test('does not look deleted when nothing leaves it out any more', async (t) => {
    const { folder, from } = await makeFolder(t, { [rules]: '*.tmp', d: { a: 'one' } })
    const { head } = await goOn(folder, from, { [rules]: '*.tmp', d: { a: 'one', 'x.tmp': 'new' } })
    rmSync(join(folder.root, rules))
    const report = await takeSnapshot(folder)
    assert.deepEqual(
      report.problems.map(({ path, code }) => [path, code]),
      [['d/x.tmp', 'not-here']],
    )
    const last = { id: report.id!, snapshot: report.snapshot! }
    assert.deepEqual(await paths(folder, last), ['d/a', 'd/x.tmp'])
    // Something else that has its place is no newer version of it.
    writeFileSync(join(folder.root, 'd/x.tmp'), 'another')
    const later = await capture(folder)
    assert.deepEqual(await entryAt(folder, later, 'd/x.tmp'), await entryAt(folder, head, 'd/x.tmp'))
  })

  test('is put on the disk by restoring it, once nothing leaves it out', async (t) => {
    const { folder, from } = await makeFolder(t, { [rules]: '*.tmp', d: { a: 'one' } })
    const tree = { [rules]: '*.tmp', d: { a: 'one', 'x.tmp': 'new' }, 'y.tmp': { z: 'new' } }
    const { head } = await goOn(folder, from, tree)
    const giveBack = async (): Promise<number> => {
      const { store, root } = await currentTree(folder, { onDisk: true })
      const repository = await folder.repository()
      const current = { store, root }
      const report = await restore(repository, head.snapshot.root, folder.root, { current, delete: true })
      assert.deepEqual(report.problems, [])
      return report.files
    }
    assert.equal(await giveBack(), 0)
    rmSync(join(folder.root, rules))
    await capture(folder)
    writeFileSync(join(folder.root, rules), '')
    assert.equal(await giveBack(), 3)
    assert.deepEqual(read(folder, 'd').toSorted(), ['a', 'x.tmp'])
    const report = await takeSnapshot(folder)
    assert.deepEqual(report.problems, [])
    const { root } = report.snapshot ?? (await capture(folder)).snapshot
    assert.ok(equalEntries(root, head.snapshot.root))
  })

  test('does not go with a directory that is deleted here', async (t) => {
    const { folder, from } = await makeFolder(t, { [rules]: '*.tmp', d: { e: { a: 'one' } } })
    await goOn(folder, from, { [rules]: '*.tmp', d: { e: { a: 'one', 'x.tmp': 'new' } } })
    rmSync(join(folder.root, 'd'), { recursive: true })
    const report = await takeSnapshot(folder)
    assert.deepEqual(await paths(folder, await capture(folder)), [rules, 'd/e/a', 'd/e/x.tmp'])
    assert.ok(report.problems.some(({ path, code }) => path === 'd' && code === 'not-here'))
  })

  test('stays on the disk when its directory is deleted by others, and brings nothing back', async (t) => {
    const { folder, from } = await makeFolder(t, { [rules]: '*.tmp', d: { e: { a: 'one' } } })
    writeFileSync(join(folder.root, 'd/e/x.tmp'), 'own')
    const { head, to, done } = await goOn(folder, from, { [rules]: '*.tmp' })
    assert.ok(done)
    assert.equal(head.id, to.id)
    assert.ok(existsSync(join(folder.root, 'd/e/x.tmp')))
    await assertSettled(folder, head)
  })

  test('goes from the tree when others delete it', async (t) => {
    const { folder, from } = await makeFolder(t, { [rules]: '*.tmp', d: { a: 'one', 'x.tmp': 'new' } })
    // It came together with the rule.
    assert.deepEqual(read(folder, 'd').toSorted(), ['a', 'x.tmp'])
    await assertSettled(folder, from)
    writeFileSync(join(folder.root, 'd/x.tmp'), 'own')
    const { head, to } = await goOn(folder, from, { [rules]: '*.tmp', d: { a: 'one' } })
    assert.equal(head.id, to.id)
    assert.deepEqual(read(folder, 'd').toSorted(), ['a', 'x.tmp'])
    await assertSettled(folder, head)
  })
})

suite('what is not selected of a shared folder', () => {
  test('is not on the disk, and stays in its tree', async (t) => {
    const tree = { a: 'one', d: { k: { b: 'two' }, l: { c: 'three' } }, p: { q: 'four' } }
    const { folder, from } = await makeFolder(t, tree, ['d/k', 'a'])
    assert.deepEqual(read(folder).toSorted(), ['a', 'd'])
    assert.deepEqual(read(folder, 'd'), ['k'])
    await assertSettled(folder, from)
    const next = { a: 'ONE', d: { k: { b: 'two' }, l: { c: 'THREE', e: 'five' } } }
    const { head, to } = await goOn(folder, from, next)
    assert.equal(head.id, to.id)
    assert.deepEqual(read(folder, 'd'), ['k'])
    await assertSettled(folder, head)
    rmSync(join(folder.root, 'd'), { recursive: true })
    assert.deepEqual(await paths(folder, await capture(folder)), await paths(folder, head))
  })

  test('may be on the disk, of which others see nothing', async (t) => {
    const { folder } = await makeFolder(t, { a: 'one', p: { q: 'four' } }, ['a'])
    mkdirSync(join(folder.root, 'p'))
    writeFileSync(join(folder.root, 'p/own'), 'own')
    writeFileSync(join(folder.root, 'other'), 'own')
    const own = await capture(folder)
    assert.deepEqual(await paths(folder, own), ['a', 'p/q'])
    await assertSettled(folder, own)
  })
})

test('what nobody could read stays, where it is not here', async (t) => {
  const unreadable: Entry = { ...fileEntry('', 3), unreadable: true }
  const { folder, from } = await makeFolder(t, { d: { a: 'one' } })
  const { head, to } = await goOn(folder, from, { d: { a: 'one', b: unreadable } })
  assert.equal(head.id, to.id)
  await assertSettled(folder, head)
})

test('without the rights of root owners stay what others have', async (t) => {
  if (!canChangeUser(t)) return
  const root = temporaryDirectory(t)
  chownSync(root, nobody, nobody)
  const { folder, from } = await asNobody(() => makeFolder(t, { a: 'one', d: { b: 'two' } }, undefined, root))
  await asNobody(async () => {
    await assertSettled(folder, from)
    writeFileSync(join(folder.root, 'd/b'), 'own')
    writeFileSync(join(folder.root, 'd/c'), 'new')
    const own = await capture(folder)
    const owners = []
    for (const path of ['a', 'd', 'd/b', 'd/c']) owners.push((await entryAt(folder, own, path))?.uid)
    assert.deepEqual(owners, [1000, 1000, 1000, nobody])
    assert.equal(own.snapshot.root.uid, from.snapshot.root.uid)
  })
})

test('what cannot be made here stays in the tree, whatever is remembered', async (t) => {
  if (!canChangeUser(t)) return
  const device: Entry = { ...fileEntry(''), kind: 'character-device', major: 1, minor: 3 } as never
  const root = temporaryDirectory(t)
  chownSync(root, nobody, nobody)
  await asNobody(async () => {
    const { folder, from } = await makeFolder(t, { a: 'one' }, undefined, root)
    const { head, to, done } = await goOn(folder, from, { a: 'one', d: { device } })
    assert.ok(done)
    assert.equal(head.id, to.id)
    assert.deepEqual(read(folder, 'd'), [])
    await assertSettled(folder, head)
  })
})

test('what is left out does not look deleted after a kill before it is remembered', async (t) => {
  const { folder, from } = await makeFolder(t, { [rules]: '*.tmp', d: { a: 'one' } })
  folder.close()
  const path = join(folder.root, '.tidemark/state.sqlite')
  const state = readFileSync(path)
  const { head } = await goOn(folder, from, { [rules]: '*.tmp', d: { a: 'two', 'x.tmp': 'new' } })
  loseState(folder)
  writeFileSync(path, state)
  assert.equal((await capture(folder)).id, head.id)
})
