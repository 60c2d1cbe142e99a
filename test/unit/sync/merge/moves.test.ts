import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { lookUp } from '../../../../src/tree/directory.ts'
import { directory, file, outcome } from '../../../suites/model-nodes.ts'

const kept = { one: 'first', two: 'second', three: 'third' }

/** The numbers are those of docs/format/merge.md. */
suite('moves', () => {
  test('20: a file was moved, and edited', async () => {
    const result = await outcome({ a: 'x' }, { b: 'x' }, { a: 'y' })
    assert.deepEqual([result.tree, result.conflicts], [{ b: 'y' }, []])
  })

  test('20: a file was moved into a new directory, and got another mode', async () => {
    const result = await outcome(
      { a: 'x' },
      { new: directory({ a: 'x' }) },
      { a: file('x', { mode: 0o600 }) },
    )
    assert.deepEqual(result.tree, { 'new/a': 'x' })
    assert.equal((await lookUp(result.store, result.root, 'new/a'))!.mode, 0o600)
  })

  test('21: a directory was moved, and edited below', async () => {
    const base = { a: directory(kept) }
    const changed = { a: directory({ ...kept, one: 'edited', four: 'new' }, { mode: 0o700 }) }
    const result = await outcome(base, { b: directory(kept) }, changed)
    assert.deepEqual(result.tree, {
      'b/one': 'edited',
      'b/two': 'second',
      'b/three': 'third',
      'b/four': 'new',
    })
    assert.equal((await lookUp(result.store, result.root, 'b'))!.mode, 0o700)
  })

  test('21: in a directory that was moved something was deleted', async () => {
    const { one: _, ...rest } = kept
    const result = await outcome({ a: directory(kept) }, { b: directory(kept) }, { a: directory(rest) })
    assert.deepEqual(result.tree, { 'b/two': 'second', 'b/three': 'third' })
  })

  test('22: a directory was moved and edited, and edited in its old place', async () => {
    const result = await outcome(
      { a: directory(kept) },
      { b: directory({ ...kept, one: 'left' }) },
      { a: directory({ ...kept, two: 'right', four: 'new' }) },
    )
    assert.deepEqual(result.tree, { 'b/one': 'left', 'b/two': 'right', 'b/three': 'third', 'b/four': 'new' })
    assert.deepEqual(result.conflicts, [])
  })

  test('23: both have moved it, to two places: it is at both', async () => {
    const result = await outcome({ a: 'x' }, { b: 'x' }, { c: 'x' })
    assert.deepEqual(result.tree, { b: 'x', c: 'x' })
  })

  test('24: both have moved a directory to the same place, and edited it there', async () => {
    const result = await outcome(
      { a: directory(kept) },
      { b: directory({ ...kept, one: 'left' }) },
      { b: directory({ ...kept, two: 'right' }) },
    )
    assert.deepEqual(result.tree, { 'b/one': 'left', 'b/two': 'right', 'b/three': 'third' })
    assert.deepEqual(result.conflicts, [])
  })

  test('25: moved, and deleted: the move stays', async () => {
    assert.deepEqual((await outcome({ a: 'x' }, { b: 'x' }, {})).tree, { b: 'x' })
  })

  test('26: moved into a directory that was deleted: that is made again, for this only', async () => {
    const result = await outcome(
      { a: 'x', d: directory({ old: 'z' }, { mode: 0o700 }) },
      { d: directory({ old: 'z', a: 'x' }, { mode: 0o700 }) },
      { a: 'y' },
    )
    assert.deepEqual(result.tree, { 'd/a': 'y' })
    assert.equal((await lookUp(result.store, result.root, 'd'))!.mode, 0o700)
  })

  test('27: the target is taken: the edit stays where it was', async () => {
    const result = await outcome({ a: 'x' }, { b: 'x' }, { a: 'y', b: 'other' })
    assert.equal(result.tree['a'], 'y')
    assert.ok(Object.values(result.tree).includes('other'))
  })

  test('27: so it does when something else stands above the target', async () => {
    const base = { x: 'file', a: 'moved' }
    const result = await outcome(base, { x: directory({ a: 'moved' }) }, { a: 'edited' })
    assert.deepEqual(result.tree, { a: 'edited', 'x/a': 'moved' })
  })

  test('28: each side moved one directory into the other: nothing is lost, and nothing is there twice', async () => {
    const base = { a: directory({ x: 'in a' }), b: directory({ y: 'in b' }) }
    const result = await outcome(
      base,
      { b: directory({ y: 'in b', a: directory({ x: 'in a' }) }) },
      { a: directory({ x: 'in a', b: directory({ y: 'in b' }) }) },
    )
    assert.deepEqual(Object.values(result.tree).toSorted(), ['in a', 'in b'])
    assert.deepEqual(result.conflicts, [])
  })

  test('29: two files changed places, and one was edited', async () => {
    const result = await outcome(
      { a: 'x', b: 'y' },
      { a: file('y', { mtime: 100 }), b: file('x', { mtime: 100 }) },
      { a: file('edited', { mtime: 200 }), b: 'y' },
    )
    assert.equal(result.tree['a'], 'edited')
    for (const data of ['x', 'y', 'edited']) assert.ok(Object.values(result.tree).includes(data))
  })

  test('30: a chain of moves, and an edit of what was moved over', async () => {
    const result = await outcome(
      { a: 'x', b: 'y' },
      { b: 'x', c: 'y' },
      { a: 'x', b: file('edited', { mtime: 200 }) },
    )
    for (const data of ['x', 'y', 'edited']) assert.ok(Object.values(result.tree).includes(data), data)
    assert.equal(result.tree['a'], undefined)
  })

  test('31: moved into a directory that the other side moved, and edited', async () => {
    const result = await outcome(
      { f: 'x', d: directory(kept) },
      { d: directory({ ...kept, f: 'x' }) },
      { f: 'edited', e: directory(kept) },
    )
    assert.deepEqual(result.tree, {
      'e/one': 'first',
      'e/two': 'second',
      'e/three': 'third',
      'e/f': 'edited',
    })
  })

  test('31: moved out of a directory that the other side moved, and edited there', async () => {
    const { one: _, ...rest } = kept
    const result = await outcome(
      { d: directory(kept) },
      { d: directory(rest), f: 'first' },
      { e: directory({ ...kept, one: 'edited' }) },
    )
    assert.deepEqual(result.tree, { f: 'edited', 'e/two': 'second', 'e/three': 'third' })
  })

  test('32: in a directory that was moved both have edited the same file', async () => {
    const result = await outcome(
      { a: directory(kept) },
      { b: directory({ ...kept, one: file('left', { mtime: 200 }) }) },
      { a: directory({ ...kept, one: file('right', { mtime: 300 }) }) },
    )
    const copy = 'b/one (conflict 1970-01-01 00-03-20 one)'
    assert.deepEqual(result.tree, { 'b/one': 'right', [copy]: 'left', 'b/two': 'second', 'b/three': 'third' })
    assert.deepEqual(result.conflicts, [{ path: 'b/one', copy, winner: 'two', loser: 'one' }])
  })
})
