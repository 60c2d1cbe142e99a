import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { joinClocks, nextClock } from '../../../../src/object/clock.ts'
import { decodeSnapshot, type Snapshot } from '../../../../src/object/snapshot.ts'
import { idOf } from '../../../../src/object/id.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import { placed } from '../../../../src/sync/base.ts'
import type { Head } from '../../../../src/sync/head.ts'
import { mergeHeads, noDevice } from '../../../../src/sync/merge/merge-heads.ts'
import { putInto } from '../../../suites/merging.ts'
import { directory, file, type Children } from '../../../suites/model-nodes.ts'
import { plantModel, readModel } from '../../../suites/model-tree.ts'
import { makeSnapshot } from '../../../suites/timeline.ts'

class Timeline {
  readonly store = new MemoryStore()

  async made(
    device: string,
    children: Children,
    parents: Head[],
    more: Partial<Snapshot> = {},
  ): Promise<Head> {
    const root = await plantModel(this.store, directory(children))
    const clock = nextClock(parents.map(placed), device.repeat(32))
    const about = {
      device: device.repeat(32),
      host: `host ${device}`,
      parents: parents.map(({ id }) => id).toSorted(),
    }
    return makeSnapshot({ ...about, clock, root, ...more })
  }
}

suite('mergeHeads', () => {
  test('makes the snapshot that the format says', async () => {
    const timeline = new Timeline()
    const base = await timeline.made('a', { f: 'x' }, [])
    const one = await timeline.made('a', { f: file('one', { mtime: 200 }) }, [base], {
      time: 5,
      unreadable: 1,
      message: 'm',
      tags: ['t'],
    })
    const other = await timeline.made('b', { f: file('other', { mtime: 300 }) }, [base], {
      time: 7,
      unreadable: 2,
      unstable: 3,
    })
    const { head, bytes, conflicts } = await mergeHeads(
      timeline.store,
      one,
      other,
      [base],
      putInto(timeline.store),
    )
    assert.equal(head.id, idOf(bytes))
    assert.deepEqual(decodeSnapshot(bytes), head.snapshot)
    const { root, ...about } = head.snapshot
    assert.deepEqual(about, {
      folder: one.snapshot.folder,
      device: noDevice,
      host: '',
      path: '',
      time: 7,
      parents: [one.id, other.id].toSorted(),
      clock: joinClocks([placed(one), placed(other)]),
      message: '',
      tags: [],
      unreadable: 3,
      unstable: 3,
      program: '',
      contents: true,
    })
    const copy = 'f (conflict 1970-01-01 00-03-20 host a)'
    assert.deepEqual(conflicts, [{ path: 'f', copy, winner: 'host b', loser: 'host a' }])
    assert.deepEqual([...(await readModel(timeline.store, root)).keys()], ['f', copy])
  })

  test('of two folders is refused', async () => {
    const timeline = new Timeline()
    const one = await timeline.made('a', {}, [])
    const other = await timeline.made('b', {}, [], { folder: 'e'.repeat(32) })
    const merge = mergeHeads(timeline.store, one, other, [], putInto(timeline.store))
    await assert.rejects(merge, { code: 'usage' })
  })

  test('takes all of several bases for what both knew, and what these had in common for their base', async () => {
    const timeline = new Timeline()
    const first = await timeline.made('a', { gone: 'x', old: 'x' }, [])
    const bases = [
      await timeline.made('a', { gone: 'x', old: 'x', p: 'x' }, [first]),
      await timeline.made('b', { old: 'x', q: 'x' }, [first]),
    ]
    const known = { old: 'x', p: 'x', q: 'x' }
    // One has edited both new files, and made again what was deleted in one base; the other has deleted a file.
    const one = await timeline.made('a', { ...known, p: 'edited', q: 'edited', gone: 'x' }, bases)
    const other = await timeline.made('b', { p: 'x', q: 'x' }, bases)
    const asked: Head[][] = []
    const basesOf = async (a: Head, b: Head): Promise<Head[]> => {
      asked.push([a, b])
      return [first]
    }
    const options = { ...putInto(timeline.store), basesOf }
    const { head, conflicts } = await mergeHeads(timeline.store, one, other, bases, options)
    const tree = Object.fromEntries(await readModel(timeline.store, head.snapshot.root))
    assert.deepEqual(tree, { gone: 'file: x', p: 'file: edited', q: 'file: edited' })
    assert.deepEqual(conflicts, [])
    assert.equal(asked.length, 1)
  })

  test('has for a base what a side still has, though it looks older and nobody knows what was before', async () => {
    const timeline = new Timeline()
    const [early, late] = [file('early', { mtime: 300 }), file('late', { mtime: 200 })]
    const bases = [
      await timeline.made('a', { f: early, gone: 'early', same: 'x' }, []),
      await timeline.made('b', { f: late, same: 'x' }, []),
    ]
    const one = await timeline.made('a', { f: late, same: 'x', one: 'x' }, bases)
    const other = await timeline.made(
      'b',
      { f: file('last', { mtime: 100 }), same: 'x', gone: 'again' },
      bases,
    )
    for (const sides of [
      [one, other],
      [other, one],
    ] as const) {
      const { head, conflicts } = await mergeHeads(timeline.store, ...sides, bases, putInto(timeline.store))
      const tree = Object.fromEntries(await readModel(timeline.store, head.snapshot.root))
      assert.deepEqual(conflicts, [])
      assert.deepEqual(Object.keys(tree), ['f', 'gone', 'one', 'same'])
      assert.match(tree['f']!, /last/)
    }
  })

  test('makes no copies for a base: what both sides keep under names of their own stays', async () => {
    const timeline = new Timeline()
    const bases = [
      await timeline.made('a', { f: file('one', { mtime: 200 }) }, []),
      await timeline.made('b', { f: file('other', { mtime: 300 }) }, []),
    ]
    const f = file('other', { mtime: 300 })
    // The name that the copy would have.
    const copy = 'f (conflict 1970-01-01 00-03-20 host a)'
    const one = await timeline.made('a', { f, [copy]: file('one', { mtime: 200 }) }, bases)
    const other = await timeline.made('b', { f, new: 'x' }, bases)
    const { head } = await mergeHeads(timeline.store, one, other, bases, putInto(timeline.store))
    const tree = await readModel(timeline.store, head.snapshot.root)
    assert.deepEqual([...tree.keys()], ['f', copy, 'new'])
  })

  test('keeps one of two copies of the same, each of which one side has under its own name', async () => {
    const timeline = new Timeline()
    const f = file('other', { mtime: 300 })
    const lost = file('one', { mtime: 200 })
    const [a, b] = ['f (conflict 1970-01-01 00-03-20 host a)', 'f (conflict 1970-01-01 00-03-20)']
    const bases = [
      await timeline.made('a', { f, [a]: lost }, []),
      await timeline.made('b', { f, [b]: lost }, []),
    ]
    const one = await timeline.made('a', { f, [a]: lost, x: 'x' }, bases)
    const other = await timeline.made('b', { f, [b]: lost, y: 'y' }, bases)
    const kept: string[][] = []
    for (const [left, right] of [
      [one, other],
      [other, one],
    ] as const) {
      // prettier-ignore
      const { head } = await mergeHeads(timeline.store, left, right, bases, putInto(timeline.store))
      kept.push([...(await readModel(timeline.store, head.snapshot.root)).keys()])
    }
    assert.deepEqual(kept, [['f', a, 'x', 'y'], ['f', a, 'x', 'y']]) // prettier-ignore
  })
})
