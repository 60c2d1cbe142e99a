import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Writer } from '../../../src/bytes/writer.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import type { DirectoryEntry, Entry } from '../../../src/object/entry.ts'
import { idOf, writeId, type Id } from '../../../src/object/id.ts'
import { buildLeaves } from '../../../src/object/tree.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { findEntry, listBatches, listDirectory, lookUp } from '../../../src/tree/directory.ts'
import { comparePaths, maxPathDepth } from '../../../src/tree/path.ts'
import { walkTree } from '../../../src/tree/walk.ts'
import { CountingStore } from '../../suites/counting-store.ts'
import { directoryEntry, fileEntry, plant, plantDirectory } from '../../suites/plant.ts'

class Planter {
  readonly store = new MemoryStore()
  readonly puts: Promise<void>[] = []
  readonly keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    this.puts.push(this.store.put(id, bytes))
    return id
  }
}

async function large(
  count: number,
): Promise<{ root: DirectoryEntry; store: CountingStore; names: string[] }> {
  const planter = new Planter()
  const files = Array.from({ length: count }, (_, n) => fileEntry(`file ${n}`))
  const root = plantDirectory('', files, planter.keep)
  await Promise.all(planter.puts)
  return { root, store: new CountingStore(planter.store), names: files.map(({ name }) => name).toSorted() }
}

const isCorrupt = (error: unknown): boolean => isTidemarkError(error, 'corrupt')
const namesOf = async (entries: AsyncIterable<Entry>): Promise<string[]> =>
  (await Array.fromAsync(entries)).map(({ name }) => name)

suite('reading directories', () => {
  test('a look-up in a large directory reads a piece a level', async () => {
    const { root, store, names } = await large(50_000)
    const levels = root.content!.depth + 1
    assert.ok(levels >= 3)
    for (const name of ['file 0', 'file 49999', 'file 777', names[0]!, names.at(-1)!]) {
      store.reads = []
      assert.equal((await findEntry(store, root, name))?.name, name)
      assert.equal(store.reads.length, levels)
    }
    for (const name of ['', 'a', 'file', 'file 777b', 'zzz']) {
      store.reads = []
      assert.equal(await findEntry(store, root, name), undefined)
      assert.ok(store.reads.length <= levels)
    }
  })

  test('a listing begins behind any name', async () => {
    const { root, store, names } = await large(3000)
    assert.deepEqual(await namesOf(listDirectory(store, root)), names)
    for (const after of ['', 'a', names[0]!, names[1500]!, `${names[1500]!}+`, names.at(-1)!, 'zzz']) {
      const expected = names.filter((name) => name > after)
      assert.deepEqual(await namesOf(listDirectory(store, root, { after })), expected, after)
    }
    store.reads = []
    for await (const batch of listBatches(store, root, { after: names[2990]! })) assert.ok(batch.length > 0)
    assert.ok(store.reads.length <= 3, `${store.reads.length} reads`)
  })

  test('looks up paths', async () => {
    const store = new MemoryStore()
    const root = await plant(store, { a: { b: { c: 'text' } }, f: 'x' })
    assert.equal(await lookUp(store, root, ''), root)
    for (const path of ['a/b/c', '/a/b/c', 'a//b/c/'])
      assert.equal((await lookUp(store, root, path))?.name, 'c')
    for (const path of ['a/x', 'f/x', 'a/b/c/d', '..', 'a/../f', '.'])
      assert.equal(await lookUp(store, root, path), undefined, path)
  })

  test('walks under a path, and not below what it is not to enter', async () => {
    const store = new MemoryStore()
    const root = await plant(store, { a: { b: { c: 'text' }, d: 'x' }, f: 'x' })
    const walk = async (options: Parameters<typeof walkTree>[2]): Promise<string[]> =>
      (await Array.fromAsync(walkTree(store, root, options))).map(({ path }) => path)
    assert.deepEqual(await walk({}), ['a', 'a/b', 'a/b/c', 'a/d', 'f'])
    assert.deepEqual(await walk({ under: 'a/' }), ['a', 'a/b', 'a/b/c', 'a/d'])
    assert.deepEqual(await walk({ under: 'f' }), ['f'])
    assert.deepEqual(await walk({ enter: () => false }), ['a', 'f'])
    assert.deepEqual(await walk({ enter: ({ path }) => path !== 'a/b' }), ['a', 'a/b', 'a/d', 'f'])
    assert.deepEqual(await walk({ under: 'a', enter: () => false }), ['a'])
    await assert.rejects(walk({ under: 'no' }), (error) => isTidemarkError(error, 'missing'))
  })
})

const leaf = (...names: string[]): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(0x21),
    ...[...buildLeaves(names.map((name) => fileEntry(name)))].map(({ bytes }) => bytes.subarray(1)),
  ])
const node = (level: number, ...lines: [id: Id, first: string][]): Uint8Array => {
  const writer = new Writer().u8(0x22).u8(level)
  for (const [id, first] of lines) {
    writeId(writer, id)
    writer.varint(1).prefixed(Buffer.from(first))
  }
  return writer.finish()
}
const read = async (bytes: Uint8Array, depth: number, planter: Planter): Promise<string[]> => {
  const root = directoryEntry('', [fileEntry('x')], { depth, id: planter.keep(bytes) })
  await Promise.all(planter.puts)
  return namesOf(listDirectory(planter.store, root))
}

suite('directories that lie', () => {
  test('a piece that begins with another name than stated, or reaches into the next one, is corrupt', async () => {
    const planter = new Planter()
    const [ab, cd] = [planter.keep(leaf('a', 'b')), planter.keep(leaf('c', 'd'))]
    assert.deepEqual(await read(node(1, [ab, 'a'], [cd, 'c']), 1, planter), ['a', 'b', 'c', 'd'])
    await assert.rejects(read(node(1, [ab, 'a'], [cd, 'b+']), 1, planter), isCorrupt)
    await assert.rejects(read(node(1, [ab, 'A'], [cd, 'c']), 1, planter), isCorrupt)
    const [ad, ef] = [planter.keep(leaf('a', 'd')), planter.keep(leaf('c', 'f'))]
    await assert.rejects(read(node(1, [ad, 'a'], [ef, 'c']), 1, planter), isCorrupt)
    const inner = planter.keep(node(1, [ab, 'a'], [cd, 'c']))
    const other = planter.keep(node(1, [ef, 'c']))
    await assert.rejects(read(node(2, [inner, 'a'], [other, 'c']), 2, planter), isCorrupt)
  })

  test('a piece at the wrong level is corrupt', async () => {
    const planter = new Planter()
    const ab = planter.keep(leaf('a', 'b'))
    await assert.rejects(read(leaf('a'), 1, planter), isCorrupt)
    await assert.rejects(read(node(1, [ab, 'a']), 0, planter), isCorrupt)
    await assert.rejects(read(node(1, [ab, 'a']), 2, planter), isCorrupt)
    await assert.rejects(read(node(2, [ab, 'a']), 2, planter), isCorrupt)
  })

  test('a number of entries that is not so does no harm', async () => {
    const planter = new Planter()
    const ab = planter.keep(leaf('a', 'b'))
    const lying = { ...directoryEntry('', [], { depth: 0, id: ab }), count: 2 ** 50, size: 2 ** 50 }
    await Promise.all(planter.puts)
    assert.deepEqual(await namesOf(listDirectory(planter.store, lying)), ['a', 'b'])
  })

  test('what goes too deep ends, and what is just not too deep is walked', async () => {
    const planter = new Planter()
    let bottom = plantDirectory('d', [fileEntry('f')], planter.keep)
    let deep: DirectoryEntry | undefined
    for (let depth = 1; depth <= maxPathDepth + 2; depth++) {
      bottom = plantDirectory('d', [bottom, fileEntry('z')], planter.keep)
      if (depth === maxPathDepth - 1) deep = bottom
    }
    await Promise.all(planter.puts)
    const walk = async (root: DirectoryEntry): Promise<string[]> =>
      (await Array.fromAsync(walkTree(planter.store, root))).map(({ path }) => path)
    await assert.rejects(walk(bottom), (error) => isTidemarkError(error, 'limit'))
    const paths = await walk(deep!)
    assert.equal(paths.length, 2 * (maxPathDepth - 1) + 1)
    assert.deepEqual(paths.slice(-2), ['d/z', 'z'])
    assert.equal(new Set(paths).size, paths.length)
    await assert.rejects(lookUp(planter.store, bottom, 'd/'.repeat(maxPathDepth + 2)), (error) =>
      isTidemarkError(error, 'limit'),
    )
  })
})

suite('comparePaths', () => {
  test('puts a directory before what is below it, and that before its neighbours', () => {
    const paths = ['a', 'a/b', 'a/b/c', 'a/b!', 'a!', 'a-b', 'ab', 'b']
    for (const [i, one] of paths.entries())
      for (const [j, other] of paths.entries())
        assert.equal(Math.sign(comparePaths(one, other)), Math.sign(i - j))
    assert.ok(comparePaths('x/\uffee', 'x/\u{1f30a}') < 0)
    assert.ok(comparePaths('x/\udc80', 'x/é') < 0)
  })
})
