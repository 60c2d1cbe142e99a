import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { nameFromBytes } from '../../../src/bytes/name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { WorkingCopyStore } from '../../../src/folder/working-copy-store.ts'
import { restore } from '../../../src/history/restore.ts'
import { idOf, type Id } from '../../../src/object/id.ts'
import { LayeredStore } from '../../../src/store/layered-store.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { plant, plantFile } from '../../suites/plant.ts'
import { readFolder } from '../../suites/read-folder.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const chunk = (text: string): Id => idOf(bytesOf(text))

function isMissing(error: unknown): boolean {
  return isTidemarkError(error, 'missing')
}

/** A folder with some files, the store over it, and a store of its trees and lists only. */
async function folder(
  t: TestContext,
): Promise<{ root: string; working: WorkingCopyStore; trees: MemoryStore }> {
  const parent = temporaryDirectory(t)
  const store = new MemoryStore()
  const long = await plantFile(store, 'long', ['one', 100_000, 'two', 'three'])
  const tree = await plant(store, {
    long,
    d: { again: 'two', [nameFromBytes(Uint8Array.of(0x80))]: 'raw', empty: '' },
  })
  const root = `${parent}/folder`
  await restore(store, tree, root)
  // Everything but what the files themselves hold.
  const trees = new MemoryStore()
  const contents = new Set(['one', 'two', 'three', 'raw'].map(chunk))
  const noted = { get: store.get.bind(store), has: store.has.bind(store) }
  const working = new WorkingCopyStore(
    root,
    {
      has: noted.has,
      async get(id) {
        assert.ok(!contents.has(id), 'contents are read from the files')
        const bytes = await noted.get(id)
        await trees.put(id, bytes)
        return bytes
      },
    },
    tree,
  )
  t.after(() => working.close())
  return { root, working, trees }
}

suite('WorkingCopyStore', () => {
  test('finds each chunk where the tree says it stands', async (t) => {
    const { working } = await folder(t)
    for (const text of ['one', 'two', 'three', 'raw']) {
      assert.deepEqual(await working.get(chunk(text)), bytesOf(text))
    }
    await assert.rejects(working.get(chunk('four')), isMissing)
    assert.deepEqual(await working.has([chunk('raw'), chunk('four')]), new Set([chunk('raw')]))
  })

  test('takes another copy when a file was changed, and has none when all were', async (t) => {
    const { root, working } = await folder(t)
    writeFileSync(`${root}/long`, 'short')
    assert.deepEqual(await working.get(chunk('two')), bytesOf('two'))
    await assert.rejects(working.get(chunk('three')), isMissing)
    writeFileSync(`${root}/d/again`, 'TWO')
    await assert.rejects(working.get(chunk('two')), isMissing)
    rmSync(`${root}/d/again`)
    await assert.rejects(working.get(chunk('two')), isMissing)
  })

  test('follows no link out of the folder', async (t) => {
    const { root, working } = await folder(t)
    mkdirSync(`${root}/../outside`)
    writeFileSync(`${root}/../outside/again`, 'two')
    rmSync(`${root}/d`, { recursive: true })
    rmSync(`${root}/long`)
    symlinkSync('../outside', `${root}/d`)
    await assert.rejects(working.get(chunk('two')), isMissing)
  })

  test('gives back a deleted file whose bytes another file has', async (t) => {
    const { root, working, trees } = await folder(t)
    await working.has([])
    const before = readFolder(root)
    rmSync(`${root}/d/again`)
    const all = new LayeredStore([trees, working])
    const tree = await plant(trees, { d: { again: 'nothing' } })
    assert.equal(tree.count, 2)
    const again = { ...(await plantFile(new MemoryStore(), 'again', ['two'])) }
    const wanted = await plant(trees, { d: { again } })
    const report = await restore(all, wanted, root)
    assert.deepEqual(report.problems, [])
    assert.equal(report.files, 1)
    assert.equal(readFolder(root).get('d/again'), before.get('d/again'))
  })

  test('goes on to another tree, and reads of it only what differs', async (t) => {
    const root = temporaryDirectory(t)
    const store = new MemoryStore()
    const many = Object.fromEntries(Array.from({ length: 1200 }, (_, n) => [`f${n}`, `content ${n}`]))
    const first = await plant(store, { many, d: { a: 'one', b: 'two' }, e: 'three' })
    for (const directory of ['many', 'd']) mkdirSync(`${root}/${directory}`)
    for (const [name, text] of Object.entries(many)) writeFileSync(`${root}/many/${name}`, text)
    for (const [name, text] of Object.entries({ 'd/a': 'one', 'd/b': 'two', e: 'three' }))
      writeFileSync(`${root}/${name}`, text)
    let reads = 0
    const get = (id: Id): Promise<Uint8Array> => (reads++, store.get(id))
    const working = new WorkingCopyStore(root, { get, has: store.has.bind(store) }, first)
    t.after(() => working.close())
    assert.deepEqual(await working.get(chunk('content 1199')), bytesOf('content 1199'))

    renameSync(`${root}/d`, `${root}/g`)
    mkdirSync(`${root}/d`)
    writeFileSync(`${root}/d/a`, 'five')
    rmSync(`${root}/e`)
    reads = 0
    working.moveOn(await plant(store, { many, d: { a: 'five' }, g: { a: 'one', b: 'two' } }))
    for (const text of ['one', 'two', 'five', 'content 17'])
      assert.deepEqual(await working.get(chunk(text)), bytesOf(text))
    assert.deepEqual(await working.has([chunk('three'), chunk('two')]), new Set([chunk('two')]))
    assert.ok(reads < 12, `${reads} pieces of trees were read`)

    // Most of it goes; and a tree that cannot be compared with is gone through as a whole.
    const last = await plant(store, { d: { a: 'five' } })
    working.moveOn(last)
    assert.deepEqual(await working.has([chunk('content 17'), chunk('five')]), new Set([chunk('five')]))
    working.moveOn(first)
    assert.equal((await working.has([chunk('content 17'), chunk('three')])).size, 2)
    assert.deepEqual(await working.get(chunk('content 17')), bytesOf('content 17'))
  })

  test('finds what has just changed without going through the tree, and lets go of what is of no use', async (t) => {
    const root = temporaryDirectory(t)
    const store = new MemoryStore()
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`f${n}`, `content ${n}`]))
    mkdirSync(`${root}/many`)
    for (const [name, text] of Object.entries(many)) writeFileSync(`${root}/many/${name}`, text)
    let reads = 0
    const get = (id: Id): Promise<Uint8Array> => (reads++, store.get(id))
    const first = await plant(store, { many, d: { a: 'one' } })
    const working = new WorkingCopyStore(root, { get, has: store.has.bind(store) }, first)
    t.after(() => working.close())

    mkdirSync(`${root}/d`)
    writeFileSync(`${root}/d/a`, 'new')
    working.moveOn(await plant(store, { many, d: { a: 'new' } }))
    assert.deepEqual(await working.get(chunk('new')), bytesOf('new'))
    assert.deepEqual(await working.near.has(['new', 'content 7'].map(chunk)), new Set([chunk('new')]))
    await assert.rejects(working.near.get(chunk('content 7')), isMissing)
    const few = reads
    assert.ok(few < 10, `${few} pieces of trees were read`)

    const isNear = async (): Promise<boolean> => (await working.near.has([chunk('content 7')])).size > 0
    assert.deepEqual(await working.get(chunk('content 7')), bytesOf('content 7'))
    assert.ok(reads > 2 * few, 'all of it has been gone through')
    working.rest()
    assert.ok(await isNear(), 'it has been of use')
    working.rest()
    assert.deepEqual(await working.near.has([chunk('nowhere')]), new Set())
    working.rest()
    assert.ok(!(await isNear()))
    assert.deepEqual(await working.near.get(chunk('new')), bytesOf('new'))
  })

  test('is told what changed beside a large directory that was moved', async (t) => {
    const root = temporaryDirectory(t)
    const store = new MemoryStore()
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`f${n}`, 'the same']))
    writeFileSync(`${root}/a`, 'new')
    let reads = 0
    const get = (id: Id): Promise<Uint8Array> => (reads++, store.get(id))
    const first = await plant(store, { many, a: 'one' })
    const working = new WorkingCopyStore(root, { get, has: store.has.bind(store) }, first)
    t.after(() => working.close())
    working.moveOn(await plant(store, { moved: many, a: 'new' }))
    assert.deepEqual(await working.get(chunk('new')), bytesOf('new'))
    assert.ok(reads <= 2, `${reads} pieces of trees were read`)
  })
})
