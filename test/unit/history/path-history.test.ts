import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { newestFirst, type LoggedSnapshot } from '../../../src/history/log.ts'
import { pathHistory, type PathHistoryOptions } from '../../../src/history/path-history.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { fileEntry, plant, type Plant } from '../../suites/plant.ts'
import { makeLine, makeSnapshot } from '../../suites/timeline.ts'

type Tree = { readonly [name: string]: Plant }

class History {
  readonly store = new MemoryStore()
  readonly all: LoggedSnapshot[] = []

  async line(...trees: Tree[]): Promise<this> {
    const roots = []
    for (const tree of trees) roots.push(await plant(this.store, tree))
    this.all.push(...makeLine(roots))
    return this
  }

  async add(tree: Tree, hour: number, ...parents: LoggedSnapshot[]): Promise<LoggedSnapshot> {
    const root = await plant(this.store, tree)
    const one = makeSnapshot({
      root,
      time: Date.UTC(2026, 10, 20, hour),
      parents: parents.map(({ id }) => id),
    })
    this.all.push(one)
    return one
  }

  /** Events as "hour change path", the hour telling the snapshot. */
  async of(path: string, options?: PathHistoryOptions, snapshots = newestFirst(this.all)): Promise<string[]> {
    const found: string[] = []
    for await (const { snapshot, path: at, change, from, entry } of pathHistory(
      this.store,
      snapshots,
      path,
      options,
    )) {
      assert.equal(entry === undefined, change === 'deleted')
      const hour = new Date(snapshot.snapshot.time).getUTCHours()
      found.push(`${hour} ${change} ${from === undefined ? '' : `${from} -> `}${at}`)
    }
    return found
  }
}

suite('pathHistory', () => {
  test('what was created, changed and deleted', async () => {
    const mode = { ...fileEntry('f'), mode: 0o600 }
    const history = await new History().line(
      {},
      { f: '' },
      { f: '', g: '' },
      { f: mode },
      { f: 'x' },
      {},
      { f: 'y' },
      { f: 'y', g: 'z' },
    )
    assert.deepEqual(await history.of('f'), [
      '6 created f',
      '5 deleted f',
      '4 modified f',
      '3 metadata f',
      '1 created f',
    ])
    assert.deepEqual(await history.of('never'), [])
    assert.deepEqual(await history.of('f', { from: history.all[4]! }), [
      '4 modified f',
      '3 metadata f',
      '1 created f',
    ])
  })

  test('goes back through renames of the file and of directories above it', async () => {
    const history = await new History().line(
      { a: { f: 'one', g: 'g' } },
      { a: { f: 'two', g: 'g' } },
      { a: { h: 'two', g: 'g' } },
      { b: { h: 'two', g: 'g' } },
      { b: { h: 'three', g: 'g' } },
    )
    assert.deepEqual(await history.of('b/h'), [
      '4 modified b/h',
      '3 renamed a/h -> b/h',
      '2 renamed a/f -> a/h',
      '1 modified a/f',
      '0 created a/f',
    ])
    assert.deepEqual(await history.of('a/f'), ['2 deleted a/f', '1 modified a/f', '0 created a/f'])
    assert.deepEqual(await history.of('b'), [
      '4 modified b',
      '3 renamed a -> b',
      '2 modified a',
      '1 modified a',
      '0 created a',
    ])
  })

  test('goes back through merges, along the side that agrees', async () => {
    const history = new History()
    const base = await history.add({ f: '0', g: '0' }, 0)
    const left = await history.add({ f: 'left', g: '0' }, 1, base)
    const right = await history.add({ f: '0', g: 'right' }, 2, base)
    const merge = await history.add({ f: 'left', g: 'right' }, 3, left, right)
    assert.deepEqual(await history.of('f'), ['1 modified f', '0 created f'])
    assert.deepEqual(await history.of('g'), ['2 modified g', '0 created g'])
    await history.add({ f: 'both', g: 'right' }, 4, merge)
    assert.deepEqual(await history.of('f'), ['4 modified f', '1 modified f', '0 created f'])
  })

  test('a merge that agrees with no side has all of them behind it', async () => {
    const history = new History()
    const base = await history.add({ f: '0' }, 0)
    const left = await history.add({ f: 'left' }, 1, base)
    const right = await history.add({ f: 'right' }, 2, base)
    await history.add({ f: 'left and right' }, 3, left, right)
    assert.deepEqual(await history.of('f'), ['3 modified f', '2 modified f', '1 modified f', '0 created f'])
  })

  test('two lines that were never merged are both told of', async () => {
    const history = new History()
    const base = await history.add({ f: '0' }, 0)
    await history.add({ f: 'left' }, 1, base)
    await history.add({ f: 'right' }, 2, base)
    assert.deepEqual(await history.of('f'), ['2 modified f', '1 modified f', '0 created f'])
  })

  test('goes on where retention removed snapshots', async () => {
    const history = await new History().line({ f: '0' }, { f: '1' }, { f: '2' }, { f: '3' })
    const kept = newestFirst(history.all.filter((_, n) => n === 0 || n === 3))
    assert.deepEqual(await history.of('f', {}, kept), ['3 modified f', '0 created f'])
  })
})
