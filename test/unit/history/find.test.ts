import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { findEntries, type FindOptions } from '../../../src/history/find.ts'
import { compilePattern } from '../../../src/history/pattern.ts'
import type { DirectoryEntry } from '../../../src/object/entry.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { CountingStore } from '../../suites/counting-store.ts'
import { directoryEntry, fileEntry, plant, type Plant } from '../../suites/plant.ts'
import { makeLine, makeSnapshot } from '../../suites/timeline.ts'

type Tree = { readonly [name: string]: Plant }

async function find(pattern: string, trees: readonly Tree[], options?: FindOptions): Promise<string[]> {
  const store = new MemoryStore()
  const roots: DirectoryEntry[] = []
  for (const tree of trees) roots.push(await plant(store, tree))
  const line = makeLine(roots)
  const found: string[] = []
  const hour = ({ snapshot }: (typeof line)[number]): number => new Date(snapshot.time).getUTCHours()
  for await (const { path, versions } of findEntries(store, line.toReversed(), pattern, options)) {
    const all = versions.map(({ entry, runs }) => {
      const size = 'size' in entry ? entry.size : 0
      return `${size}:${runs.map(({ first, last, snapshots }) => `${hour(first)}-${hour(last)}(${snapshots})`).join(',')}`
    })
    found.push(`${path} ${all.join(' ')}`)
  }
  return found
}

const at = (seconds: bigint): Plant => ({ ...fileEntry(''), mtimeNs: seconds * 1_000_000_000n })

suite('findEntries', () => {
  test('tells in which snapshots each version stands', async () => {
    const trees = [{ f: '1' }, { f: '1' }, { f: '22' }, {}, { f: '1', d: { f: '333' } }]
    assert.deepEqual(await find('f', trees), ['d/f 3:4-4(1)', 'f 1:4-4(1),0-1(2) 2:2-2(1)'])
    assert.deepEqual(await find('nothing', trees), [])
  })

  test('a directory has a new version when it changed itself, not with each change below it', async () => {
    const trees = [{ d: { f: '1' } }, { d: { f: '2' } }, { d: { ...directoryEntry('d', []), mode: 0o700 } }]
    assert.deepEqual(await find('d/', trees), ['d 0:2-2(1) 1:0-1(2)'])
  })

  test('filters by kind, size and time', async () => {
    const trees = [
      { small: '1', large: '1'.repeat(100), d: { e: '22' }, old: at(10n), young: at(2_000_000_000n) },
    ]
    const names = async (options: FindOptions): Promise<string[]> =>
      (await find('*', trees, options)).map((line) => line.split(' ')[0]!)
    assert.deepEqual(await names({ larger: 2 }), ['d', 'd/e', 'large'])
    assert.deepEqual(await names({ smaller: 1, kinds: ['file'], larger: 1 }), ['small'])
    assert.deepEqual(await names({ kinds: ['directory'] }), ['d'])
    assert.deepEqual(await names({ newer: 2_000_000_000_000_000_000n }), ['young'])
    assert.deepEqual(await names({ older: 10_000_000_001n }), ['old'])
    assert.deepEqual(await names({ older: 10_000_000_000n }), [])
  })

  test('keeps folders apart', async () => {
    const store = new MemoryStore()
    const root = await plant(store, { f: 'x' })
    const snapshots = [makeSnapshot({ root }), makeSnapshot({ root, folder: 'a'.repeat(32) })]
    const found = await Array.fromAsync(findEntries(store, snapshots, 'f'))
    assert.deepEqual(
      found.map(({ folder }) => folder),
      snapshots.map(({ snapshot }) => snapshot.folder),
    )
  })

  test('reads what snapshots share once, and nothing beside the literal part of a pattern', async () => {
    const inner = new MemoryStore()
    const many: Record<string, Plant> = {}
    for (let n = 0; n < 300; n++) many[`d${n}`] = { [`f${n}`]: 'x' }
    const roots: DirectoryEntry[] = []
    for (let n = 0; n < 20; n++)
      roots.push(await plant(inner, { all: { ...many, extra: `${n}` }, other: { x: 'y' } }))
    const line = makeLine(roots).toReversed()
    const store = new CountingStore(inner)
    assert.equal((await Array.fromAsync(findEntries(store, line, '**/f7'))).length, 1)
    const distinct = new Set(store.reads).size
    assert.ok(store.reads.length <= distinct * 2, `${store.reads.length} reads of ${distinct} pieces`)
    assert.ok(distinct < 450)
    store.reads = []
    assert.equal((await Array.fromAsync(findEntries(store, line, 'other/*'))).length, 1)
    assert.ok(store.reads.length <= 21, `${store.reads.length} reads`)
  })
})

const matches = (pattern: string, path: string, ignoreCase?: boolean): boolean =>
  compilePattern(pattern, ignoreCase).matches(path, fileEntry(path.split('/').at(-1)!))

const base = (pattern: string, ignoreCase?: boolean): string => compilePattern(pattern, ignoreCase).base

suite('compilePattern', () => {
  test('with and without a slash', () => {
    const yes = [
      ['*.txt', 'a.txt'],
      ['*.txt', 'd/e/a.txt'],
      ['.*', 'd/.hidden'],
      ['*', '.hidden'],
      ['d/*.txt', 'd/a.txt'],
      ['/a.txt', 'a.txt'],
      ['**/a.txt', 'a.txt'],
      ['**/a.txt', 'd/e/a.txt'],
      ['d/**', 'd/e/f'],
      ['d/**/f', 'd/f'],
      ['[ab]?{x,y}', 'a1y'],
      [String.raw`\*`, '*'],
      ['é*', 'élan'],
      ['!a', '!a'],
      ['*b', 'a\nb'],
      ['?', '\udcff'],
    ] as const
    for (const [pattern, path] of yes) assert.ok(matches(pattern, path), `${pattern} ${path}`)
    const no = [
      ['*.txt', 'a.txt/b'],
      ['d/*.txt', 'd/e/a.txt'],
      ['/a.txt', 'd/a.txt'],
      ['a', 'A'],
      ['[ab]', 'c'],
      [String.raw`\*`, 'a'],
      ['d/', 'd'],
      ['d/*', 'e/d/x'],
    ] as const
    for (const [pattern, path] of no) assert.ok(!matches(pattern, path), `${pattern} ${path}`)
    assert.ok(matches('A*.TXT', 'ab.txt', true))
  })

  test('knows where to look', () => {
    assert.deepEqual(
      ['a/b/*.c', 'a/*/c', '*/b', '*', '/a/b', 'a/b/c', 'a/{b,c}/d'].map((one) => base(one)),
      ['a/b', 'a', '', '', 'a', 'a/b', 'a'],
    )
    assert.equal(base('a/b', true), '')
  })

  test('refuses what makes no sense', () => {
    for (const pattern of ['', '/', 'a'.repeat(5000)])
      assert.throws(
        () => compilePattern(pattern),
        (error) => isTidemarkError(error, 'usage'),
      )
  })
})
