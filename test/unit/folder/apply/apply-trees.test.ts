import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { applyTrees, type AppliedTrees } from '../../../../src/folder/apply/apply-trees.ts'
import { restore } from '../../../../src/history/restore.ts'
import type { DirectoryEntry } from '../../../../src/object/entry.ts'
import { idOf } from '../../../../src/object/id.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import type { Store } from '../../../../src/store/store.ts'
import { fileEntry, plant, type Plant } from '../../../suites/plant.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

type Tree = { readonly [name: string]: Plant }

interface Prepared {
  readonly root: string
  readonly apply: (contents?: Store) => Promise<AppliedTrees>
}

/** A directory that holds one tree and is to hold another. */
async function prepare(t: TestContext, before: Tree, after: Tree): Promise<Prepared> {
  const root = temporaryDirectory(t)
  const store = new MemoryStore()
  const [old, now] = [await plant(store, before), await plant(store, after)]
  await restore(store, old, root)
  return { root, apply: (contents = store) => applyTrees(root, old, now, { trees: store, contents }) }
}

/** What a tree of texts looks like on the disk. */
function read(root: string): unknown {
  if (!statSync(root).isDirectory()) return readFileSync(root, 'utf8')
  return Object.fromEntries(readdirSync(root).map((name) => [name, read(join(root, name))]))
}

function timesOf(root: string): number[] {
  const own = statSync(root).mtimeMs
  return statSync(root).isDirectory()
    ? [own, ...readdirSync(root).flatMap((name) => timesOf(join(root, name)))]
    : [own]
}

const noContents: Store = {
  get: () => Promise.reject(new Error('a content was asked for')),
  has: async () => new Set(),
}

suite('what only stands elsewhere', () => {
  test('is renamed: a directory of many files in one go, and no content is asked for', async (t) => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`${n}`, 'x']))
    const { root, apply } = await prepare(t, { a: many, c: 'file' }, { b: { d: many }, e: { f: 'file' } })
    const inode = statSync(join(root, 'a')).ino
    const { done, moved, counts } = await apply(noContents)
    assert.ok(done)
    assert.deepEqual(moved.map(({ from, to }) => `${from} ${to}`).toSorted(), ['a b/d', 'c e/f'])
    assert.equal(statSync(join(root, 'b/d')).ino, inode)
    assert.deepEqual([counts.files, counts.deleted], [0, 0])
    assert.deepEqual(new Set(timesOf(root)), new Set([1_700_000_000_000]))
  })

  test('is renamed with what somebody put there meanwhile', async (t) => {
    const { root, apply } = await prepare(t, { a: { x: 'one', y: 'two' } }, { b: { x: 'one', y: 'two' } })
    writeFileSync(join(root, 'a/x'), 'own')
    writeFileSync(join(root, 'a/z'), 'new')
    assert.ok((await apply()).done)
    assert.deepEqual(read(root), { b: { x: 'own', y: 'two', z: 'new' } })
  })

  test('is left alone where something stands in its place already', async (t) => {
    const { root, apply } = await prepare(t, { a: { x: 'one' }, c: 'two' }, { b: { x: 'one' }, d: 'two' })
    writeFileSync(join(root, 'b'), 'own')
    writeFileSync(join(root, 'd'), 'own')
    const { done, moved } = await apply()
    assert.deepEqual([done, moved], [false, []])
    assert.equal(readFileSync(join(root, 'b'), 'utf8'), 'own')
    assert.equal(readFileSync(join(root, 'd'), 'utf8'), 'own')
    // Its content could not be put where it is to go.
    assert.equal(readFileSync(join(root, 'c'), 'utf8'), 'two')
  })

  test('is left alone when it is not what it was', async (t) => {
    const { root, apply } = await prepare(t, { a: 'one', c: { x: 'two' } }, { b: 'one', d: { x: 'two' } })
    const outside = temporaryDirectory(t)
    writeFileSync(join(root, 'a'), 'own')
    renameSync(join(root, 'c'), join(outside, 'c'))
    symlinkSync(outside, join(root, 'c'))
    const { done, moved } = await apply()
    assert.deepEqual([done, moved], [false, []])
    assert.equal(readFileSync(join(root, 'a'), 'utf8'), 'own')
    assert.equal(readlinkSync(join(root, 'c')), outside)
    assert.deepEqual(readdirSync(outside), ['c'])
    assert.equal(readFileSync(join(root, 'b'), 'utf8'), 'one')
  })

  test('does not go where a symbolic link leads', async (t) => {
    const { root, apply } = await prepare(t, { a: 'one', d: { k: 'kept' } }, { d: { k: 'kept', b: 'one' } })
    const outside = temporaryDirectory(t)
    rmSync(join(root, 'd'), { recursive: true })
    symlinkSync(outside, join(root, 'd'))
    const { done, moved } = await apply()
    assert.deepEqual([done, moved], [false, []])
    assert.deepEqual(readdirSync(outside), [])
    assert.equal(readFileSync(join(root, 'a'), 'utf8'), 'one')
  })

  test('of names that lead nowhere nothing is moved', async (t) => {
    const { root, apply } = await prepare(t, { a: 'one' }, { '.tidemark': { 'folder.json': 'one' } })
    mkdirSync(join(root, '.tidemark'))
    const { done, moved } = await apply()
    assert.deepEqual([done, moved], [false, []])
    assert.deepEqual(readdirSync(join(root, '.tidemark')), [])
  })

  test('changes places without being moved', async (t) => {
    const { root, apply } = await prepare(t, { a: 'one', b: 'two' }, { a: 'two', b: 'one' })
    assert.ok((await apply()).done)
    assert.deepEqual(read(root), { a: 'two', b: 'one' })
  })

  test('goes into a directory that is new, out of one that goes', async (t) => {
    const { root, apply } = await prepare(
      t,
      { old: { x: 'one', y: 'gone' }, f: 'file' },
      { f: { new: { deep: { x: 'one' } } }, g: { h: { x: 'two' } } },
    )
    const { done } = await apply()
    assert.ok(done)
    assert.deepEqual(read(root), { f: { new: { deep: { x: 'one' } } }, g: { h: { x: 'two' } } })
    assert.deepEqual(new Set(timesOf(root)), new Set([1_700_000_000_000]))
  })
})

test('a content that could not be put where it is to go stays where it is', async (t) => {
  // As in a conflict: the name goes to the other version, and mine gets another.
  const mine = 'mine '.repeat(20)
  const { root, apply } = await prepare(
    t,
    { name: mine, other: 'x' },
    { name: 'theirs', other: 'y', 'name (conflict)': mine },
  )
  writeFileSync(join(root, 'name (conflict)'), 'somebody else')
  const { done, problems } = await apply()
  assert.equal(done, false)
  assert.deepEqual(
    problems.list.map(({ path, code }) => [path, code]),
    [
      ['name (conflict)', 'conflict'],
      ['name', 'conflict'],
    ],
  )
  assert.deepEqual(read(root), { name: mine, other: 'y', 'name (conflict)': 'somebody else' })
})

test('a further name of a file in a new directory is made there', async (t) => {
  const root = temporaryDirectory(t)
  const store = new MemoryStore()
  const content = new TextEncoder().encode('shared')
  await store.put(idOf(content), content)
  const file = fileEntry('', content.length, { depth: 0, id: idOf(content) })
  const [old, now] = [
    await plant(store, { k: 'kept' }),
    await plant(store, { k: 'kept', a: file, n: { o: { b: { ...file, link: 'a' } } } }),
  ]
  await restore(store, old, root)
  const { done } = await applyTrees(root, old, now, { trees: store, contents: store })
  assert.ok(done)
  assert.equal(statSync(join(root, 'n/o/b')).ino, statSync(join(root, 'a')).ino)
  assert.equal(existsSync(join(root, 'b')), false)
})

test('of two trees that are the same nothing is touched', async (t) => {
  const { apply } = await prepare(t, { a: 'one', d: { b: 'two' } }, { a: 'one', d: { b: 'two' } })
  const { done, touched } = await apply(noContents)
  assert.ok(done)
  assert.equal(touched.size, 0)
})

test('a directory alone that is another in itself gets that', async (t) => {
  const root = temporaryDirectory(t)
  const store = new MemoryStore()
  const old = await plant(store, { d: { a: 'one' } })
  const now: DirectoryEntry = { ...old, mode: 0o750 }
  await restore(store, old, root)
  const { done } = await applyTrees(root, old, now, { trees: store, contents: noContents })
  assert.ok(done)
  assert.equal(statSync(root).mode & 0o777, 0o750)
})
