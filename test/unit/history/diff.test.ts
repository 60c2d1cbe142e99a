import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { diffTrees, type DiffOptions } from '../../../src/history/diff.ts'
import type { DirectoryEntry, Entry } from '../../../src/object/entry.ts'
import { idOf } from '../../../src/object/id.ts'
import { decodeNode } from '../../../src/object/tree.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { CountingStore } from '../../suites/counting-store.ts'
import { fileEntry, plant, type Plant } from '../../suites/plant.ts'

type Tree = { readonly [name: string]: Plant }

async function diff(one: Tree | undefined, two: Tree | undefined, options?: DiffOptions): Promise<string[]> {
  const store = new MemoryStore()
  const before = one && (await plant(store, one))
  const after = two && (await plant(store, two))
  return lines(store, before, after, options)
}

async function lines(
  store: MemoryStore | CountingStore,
  before?: DirectoryEntry,
  after?: DirectoryEntry,
  options?: DiffOptions,
): Promise<string[]> {
  const found: string[] = []
  for await (const { kind, path, from, what } of diffTrees(store, before, after, options)) {
    const how = what && what.length > 0 ? ` (${what.join(' ')})` : ''
    found.push(`${kind} ${from === undefined ? '' : `${from} -> `}${path}${how}`)
  }
  return found
}

const moving = { detectMoves: true }

const tree = (names: string[]): Tree => Object.fromEntries(names.map((name) => [name, 'x']))

suite('diffTrees', () => {
  test('reports what came, went and changed, in path order', async () => {
    const before = { a: 'one', b: { c: 'x', d: 'y' }, 'b-': 'z', gone: { deep: { file: 'f' } } }
    const after = { a: 'two', b: { c: 'x', e: 'w' }, 'b-': 'z', new: 'n' }
    assert.deepEqual(await diff(before, after), [
      'changed a (content)',
      'removed b/d',
      'added b/e',
      'removed gone',
      'removed gone/deep',
      'removed gone/deep/file',
      'added new',
    ])
    assert.deepEqual(await diff(before, before), [])
    assert.deepEqual(await diff(undefined, { a: { b: 'c' } }), ['added a', 'added a/b'])
    assert.deepEqual(await diff({ a: { b: 'c' } }, undefined), ['removed a', 'removed a/b'])
    assert.deepEqual(await diff(undefined, undefined), [])
  })

  test('says in what an entry changed', async () => {
    const file = fileEntry('f')
    const cases: [Plant, string][] = [
      [{ ...file, mode: 0o600 }, 'mode'],
      [{ ...file, uid: 5 }, 'owner'],
      [{ ...file, gid: 5 }, 'owner'],
      [{ ...file, mtimeNs: 1n }, 'time'],
      [{ ...file, xattrs: [{ name: 'user.a', value: Uint8Array.of(1) }] }, 'xattrs'],
      [{ ...file, link: 'e' }, 'link'],
      [{ ...file, unstable: true }, 'content'],
      [{ ...file, unreadable: true }, 'content'],
      ['text', 'content'],
      [{ ...file, kind: 'symlink', target: 'e' }, 'kind'],
      [{ ...file, kind: 'fifo', mode: 0o600 }, 'kind mode'],
    ]
    for (const [changed, what] of cases) {
      assert.deepEqual(await diff({ f: file }, { f: changed }), [`changed f (${what})`])
    }
    const link: Entry = { ...fileEntry('f'), kind: 'symlink', target: 'one' }
    const device: Entry = { ...fileEntry('f'), kind: 'block-device', major: 8, minor: 1 }
    assert.deepEqual(await diff({ f: link }, { f: { ...link, target: 'two' } }), ['changed f (content)'])
    assert.deepEqual(await diff({ f: device }, { f: { ...device, minor: 2 } }), ['changed f (content)'])
  })

  test('a directory is reported for what changed in itself, and not for what changed below it', async () => {
    const store = new MemoryStore()
    const before = await plant(store, { d: { f: '1' } })
    const after = await plant(store, { d: { f: '2' } })
    assert.deepEqual(await lines(store, before, after), ['changed d/f (content)'])
    const file = fileEntry('f')
    const one = await plant(store, { d: { ...before, mode: 0o700 }, e: file })
    const two = await plant(store, { d: { ...after, mode: 0o755 }, e: file })
    assert.deepEqual(await lines(store, one, two), ['changed d (mode)', 'changed d/d/f (content)'])
  })

  test('a file that becomes a directory', async () => {
    assert.deepEqual(await diff({ a: 'x' }, { a: { b: 'y' } }), ['changed a (kind mode)', 'added a/b'])
    assert.deepEqual(await diff({ a: { b: 'y' } }, { a: 'x' }), ['changed a (kind mode)', 'removed a/b'])
  })

  test('reads only what differs', async () => {
    const store = new MemoryStore()
    const many: Record<string, Plant> = {}
    for (let n = 0; n < 20_000; n++) many[`file-${n}`] = { sub: `content ${n % 5}` }
    const before = await plant(store, many)
    const after = await plant(store, { ...many, 'file-777': { sub: 'new' }, 'file-778b': 'more' })
    const counting = new CountingStore(store)
    assert.deepEqual(await lines(counting, before, after), [
      'changed file-777/sub (content)',
      'added file-778b',
    ])
    assert.ok(counting.reads.length < 20, `${counting.reads.length} reads`)
    counting.reads = []
    assert.deepEqual(await lines(counting, after, after), [])
    assert.deepEqual(counting.reads, [])
  })

  test('does not read the leaf that a directory began with when it has grown beyond it', async () => {
    const store = new MemoryStore()
    const names = Array.from({ length: 2000 }, (_, n) => `file ${n}`).toSorted()
    const whole = await plant(store, tree(names))
    const [line] = decodeNode(await store.get(whole.content!.id), 1)
    const before = await plant(store, tree(names.slice(0, line!.count)))
    assert.deepEqual(before.content, { depth: 0, id: line!.id })
    const counting = new CountingStore(store)
    assert.equal((await lines(counting, before, whole)).length, names.length - line!.count)
    assert.ok(!counting.reads.includes(line!.id))
  })
})

suite('diffTrees with moves', () => {
  test('a file that moved', async () => {
    const found = await diff({ a: 'content', b: { x: 'x' } }, { b: { x: 'x', z: 'content' } }, moving)
    assert.deepEqual(found, ['moved a -> b/z'])
  })

  test('a directory that moved is reported once', async () => {
    const tree = { f: '1', g: '2', deep: { h: '3' } }
    assert.deepEqual(await diff({ old: tree, k: '4' }, { now: tree, k: '4' }, moving), ['moved old -> now'])
    const found = await diff({ old: tree, k: '4' }, { k: '4', into: { a: { new: tree } } }, moving)
    assert.deepEqual(found, ['added into', 'added into/a', 'moved old -> into/a/new'])
  })

  test('what moved out of a directory that went, into one that came', async () => {
    const found = await diff(
      { old: { keep: { f: 'a file', g: 'another' }, rest: 'rest' } },
      { young: { kept: { f: 'a file', g: 'another' }, other: 'other' } },
      moving,
    )
    assert.deepEqual(found, [
      'removed old',
      'removed old/rest',
      'added young',
      'moved old/keep -> young/kept',
      'added young/other',
    ])
  })

  test('prefers those that kept their names', async () => {
    const found = await diff({ x: { a: 's', b: 's', c: 's' } }, { y: { b: 's', c: 's', z: 's' } }, moving)
    assert.deepEqual(found, [
      'removed x',
      'added y',
      'moved x/b -> y/b',
      'moved x/c -> y/c',
      'moved x/a -> y/z',
    ])
  })

  test('empty files and directories do not move, copies are not moves', async () => {
    assert.deepEqual(await diff({ a: '' }, { b: '' }, moving), ['removed a', 'added b'])
    assert.deepEqual(await diff({ a: {} }, { b: {} }, moving), ['removed a', 'added b'])
    assert.deepEqual(await diff({ a: 'x' }, { a: 'x', b: 'x' }, moving), ['added b'])
  })

  test('says what else changed in what moved', async () => {
    const content = { depth: 0, id: idOf(new TextEncoder().encode('x')) }
    const moved = { ...fileEntry('b', 1, content), mode: 0o600 }
    assert.deepEqual(await diff({ a: 'x', d: { e: 'y' } }, { b: moved, d: { e: 'y' } }, moving), [
      'moved a -> b (mode)',
    ])
  })
})
