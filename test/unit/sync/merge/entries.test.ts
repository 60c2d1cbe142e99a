import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Entry } from '../../../../src/object/entry.ts'
import { lookUp } from '../../../../src/tree/directory.ts'
import {
  directory,
  fifo,
  file,
  outcome,
  symlink,
  type Children,
  type Outcome,
} from '../../../suites/model-nodes.ts'

/** Checks a merge of one path, `f`; `undefined` is nothing there. The numbers are those of docs/format/merge.md. */
async function merged(
  base: Children[string] | undefined,
  left: Children[string] | undefined,
  right: Children[string] | undefined,
): Promise<Outcome> {
  return outcome(atF(base), atF(left), atF(right))
}

function atF(node: Children[string] | undefined): Children {
  return node === undefined ? {} : { f: node }
}

async function entryAt({ store, root }: Outcome, path: string): Promise<Entry> {
  return (await lookUp(store, root, path))!
}

suite('what is there', () => {
  test('1: changed on one side only', async () => {
    assert.deepEqual((await merged('x', 'x', 'y')).tree, { f: 'y' })
    assert.deepEqual((await merged('x', 'x', undefined)).tree, {})
    assert.deepEqual((await merged(undefined, undefined, 'y')).tree, { f: 'y' })
  })

  test('1: a directory of which one side has all entries of both, and the other another mode', async () => {
    const base = directory({ old: 'x' })
    const more = directory({ old: 'x', both: 'z', more: 'y' })
    const other = directory({ old: 'x', both: 'z' }, { mode: 0o700 })
    // Whichever is called left.
    for (const size of [1, 100]) {
      const result = await outcome({ f: base }, { f: more }, { f: other, g: 'g'.repeat(size) })
      assert.equal((await entryAt(result, 'f')).mode, 0o700)
      assert.equal(result.tree['f/more'], 'y')
    }
  })

  test('2: changed equally on both', async () => {
    assert.deepEqual(await merged('x', 'y', 'y').then(({ tree, conflicts }) => [tree, conflicts]), [
      { f: 'y' },
      [],
    ])
    assert.deepEqual((await merged('x', undefined, undefined)).tree, {})
    assert.deepEqual((await merged(undefined, 'y', 'y')).tree, { f: 'y' })
  })

  test('3: a file was changed in any way, and deleted', async () => {
    assert.deepEqual((await merged('x', 'y', undefined)).tree, { f: 'y' })
    assert.deepEqual((await merged('x', file('x', { mode: 0o600 }), undefined)).tree, { f: 'x' })
    assert.deepEqual((await merged('x', file('x', { mtime: 101 }), undefined)).tree, { f: 'x' })
    assert.deepEqual((await merged('x', symlink('y'), undefined)).conflicts, [])
  })

  test('4: a directory was changed below, and deleted: only what was changed stays', async () => {
    const base = directory({ old: 'x', edited: 'x', deep: directory({ old: 'x' }), gone: 'x' })
    const changed = directory(
      { old: 'x', edited: 'y', deep: directory({ old: 'x', more: 'z' }), added: directory({}) },
      { mode: 0o700 },
    )
    const result = await merged(base, changed, undefined)
    assert.deepEqual(result.tree, { 'f/edited': 'y', 'f/deep/more': 'z', 'f/added': 'directory' })
    assert.equal((await entryAt(result, 'f')).mode, 0o700)
    assert.deepEqual(result.conflicts, [])
  })

  test('5: only the metadata of a directory was changed, or something in it deleted, and it was deleted', async () => {
    const base = directory({ old: 'x', gone: 'x', deep: directory({ old: 'x' }) })
    const changed = directory({ old: 'x', deep: directory({ old: 'x' }, { mtime: 7 }) }, { mode: 0o700 })
    assert.deepEqual((await merged(base, changed, undefined)).tree, {})
  })

  test('6: a directory was made of a file that was deleted', async () => {
    assert.deepEqual((await merged('x', directory({ a: 'y' }), undefined)).tree, { 'f/a': 'y' })
  })
})

suite('data and metadata', () => {
  test('7: data was changed on one side, metadata on the other', async () => {
    const result = await merged('x', file('y', { mtime: 200 }), file('x', { mode: 0o600, mtime: 100 }))
    assert.deepEqual([result.tree, result.conflicts], [{ f: 'y' }, []])
    const { mode, mtimeNs } = await entryAt(result, 'f')
    assert.deepEqual([mode, mtimeNs], [0o600, 200_000_000_000n])
  })

  test('8: the same data, other metadata: field by field, with a base or without', async () => {
    const base = file('x', { xattrs: { 'user.a': '1', 'user.b': '1', 'user.c': '1' } })
    const left = file('y', {
      mode: 0o600,
      mtime: 300,
      xattrs: { 'user.a': '2', 'user.b': '1', 'user.d': '4' },
    })
    const right = file('y', {
      uid: 5,
      mtime: 200,
      xattrs: { 'user.a': '3', 'user.b': '1', 'user.c': '1', 'user.e': '5' },
    })
    const result = await merged(base, left, right)
    assert.deepEqual(result.conflicts, [])
    const { mode, uid, mtimeNs, xattrs } = await entryAt(result, 'f')
    assert.deepEqual([mode, uid, mtimeNs], [0o600, 5, 300_000_000_000n])
    const values = xattrs.map(({ name, value }) => `${name} ${new TextDecoder().decode(value)}`)
    assert.deepEqual(values, ['user.a 2', 'user.b 1', 'user.d 4', 'user.e 5'])

    const strangers = await outcome(undefined, { f: left }, { f: right })
    assert.deepEqual(strangers.conflicts, [])
    const entry = await entryAt(strangers, 'f')
    assert.deepEqual([entry.mode, entry.uid, entry.mtimeNs], [0o600, 1000, 300_000_000_000n])
    assert.deepEqual(
      entry.xattrs.map(({ name }) => name),
      ['user.a', 'user.b', 'user.c', 'user.d', 'user.e'],
    )
  })

  test('15: two directories, their metadata too', async () => {
    const result = await merged(
      directory({}),
      directory({ a: 'x' }, { mode: 0o700, mtime: 200 }),
      directory({ b: 'y' }, { uid: 5, mtime: 300 }),
    )
    assert.deepEqual(result.tree, { 'f/a': 'x', 'f/b': 'y' })
    const { mode, uid, mtimeNs } = await entryAt(result, 'f')
    assert.deepEqual([mode, uid, mtimeNs], [0o700, 5, 300_000_000_000n])
  })

  test('9: different data: the newer stays, the other becomes a copy', async () => {
    const result = await merged('x', file('left', { mtime: 200 }), file('right', { mtime: 300 }))
    assert.deepEqual(result.tree, { f: 'right', 'f (conflict 1970-01-01 00-03-20 one)': 'left' })
    const copy = 'f (conflict 1970-01-01 00-03-20 one)'
    assert.deepEqual(result.conflicts, [{ path: 'f', copy, winner: 'two', loser: 'one' }])
  })

  test('9: of the same time the larger stays, of the same size the one of the greater encoding', async () => {
    assert.equal((await merged('x', file('long'), file('s'))).tree['f'], 'long')
    const result = await merged('x', file('a'), file('b'))
    assert.equal(Object.keys(result.tree).length, 2)
  })

  test('9: added on both sides, or without a base', async () => {
    const left = { 'a.txt': file('left', { mtime: 300 }), same: 'x' }
    const right = { 'a.txt': file('right', { mtime: 200 }), same: 'x' }
    const tree = { 'a.txt': 'left', 'a (conflict 1970-01-01 00-03-20 two).txt': 'right', same: 'x' }
    assert.deepEqual((await outcome({}, left, right)).tree, tree)
    assert.deepEqual((await outcome(undefined, left, right)).tree, tree)
  })

  test('9: files against symlinks; fifos make no copies', async () => {
    const result = await merged('x', file('y', { mtime: 200 }), symlink('t', { mtime: 300 }))
    assert.deepEqual(result.tree, { f: 'link: t', 'f (conflict 1970-01-01 00-03-20 one)': 'y' })
    const pipe = await merged('x', fifo({ mtime: 200 }), file('y', { mtime: 300 }))
    assert.deepEqual(pipe.tree, { f: 'y' })
    assert.deepEqual(pipe.conflicts, [{ path: 'f', copy: undefined, winner: 'two', loser: 'one' }])
  })

  test('9: the winner keeps its data, and its metadata is merged by field', async () => {
    const result = await merged('x', file('y', { mtime: 300 }), file('z', { mtime: 200, mode: 0o600 }))
    assert.equal((await entryAt(result, 'f')).mode, 0o600)
  })
})

suite('kinds', () => {
  const copy = 'f (conflict 1970-01-01 00-03-20 two)'

  test('10: a file and a directory, both new', async () => {
    const result = await merged(undefined, directory({ a: 'x' }), file('y', { mtime: 200 }))
    assert.deepEqual(result.tree, { 'f/a': 'x', [copy]: 'y' })
    assert.deepEqual(result.conflicts, [{ path: 'f', copy, winner: 'one', loser: 'two' }])
  })

  test('11: a directory took the place of a file of which only metadata was changed', async () => {
    const result = await merged('x', directory({ a: 'x' }), file('x', { mtime: 200 }))
    assert.deepEqual([result.tree, result.conflicts], [{ 'f/a': 'x' }, []])
  })

  test('12: a directory took the place of a file that was changed', async () => {
    const result = await merged('x', directory({}), file('y', { mtime: 200 }))
    assert.deepEqual(result.tree, { f: 'directory', [copy]: 'y' })
  })

  test('13: a file took the place of a directory in which nothing was changed', async () => {
    const result = await merged(
      directory({ a: 'x', b: 'x' }),
      directory({ a: 'x' }, { mode: 0o700 }),
      file('y'),
    )
    assert.deepEqual([result.tree, result.conflicts], [{ f: 'y' }, []])
  })

  test('14: a file took the place of a directory in which something was changed', async () => {
    const result = await merged(
      directory({ a: 'x', b: 'x' }),
      directory({ a: 'x', b: 'z' }),
      file('y', { mtime: 200 }),
    )
    assert.deepEqual(result.tree, { 'f/b': 'z', [copy]: 'y' })
  })

  test('8: both made something of another kind of it, equally', async () => {
    const result = await merged(directory({ a: 'x' }), symlink('t'), symlink('t', { mtime: 300 }))
    assert.deepEqual([result.tree, result.conflicts], [{ f: 'link: t' }, []])
  })
})

suite('what could not be read', () => {
  test('16: counts as unchanged', async () => {
    assert.deepEqual((await merged('x', file('?', { unreadable: true }), 'y')).tree, { f: 'y' })
    assert.deepEqual((await merged('x', file('?', { unreadable: true }), undefined)).tree, {})
  })

  test('16: also in a directory that was deleted', async () => {
    const base = directory({ a: 'x', b: 'x' })
    const side = directory({ a: file('?', { unreadable: true, mtime: 7 }), b: 'y' })
    assert.deepEqual((await merged(base, side, undefined)).tree, { 'f/b': 'y' })
  })

  test('17: is no reason to delete, where there is no base, and none to keep it from being read', async () => {
    const unreadable = file('?', { unreadable: true })
    assert.deepEqual((await outcome({ a: 'x' }, { a: 'x', f: unreadable }, { a: 'y' })).tree, {
      a: 'y',
      f: '?',
    })
    assert.deepEqual((await outcome(undefined, { f: unreadable }, { f: 'y' })).tree, { f: 'y' })
  })
})

suite('names', () => {
  test('18: names that differ in case or normalisation only are two names', async () => {
    const result = await outcome({}, { README: 'a', '\u00e4': 'b' }, { readme: 'c', 'a\u0308': 'd' })
    assert.deepEqual(result.tree, { README: 'a', readme: 'c', '\u00e4': 'b', 'a\u0308': 'd' })
    assert.deepEqual(result.conflicts, [])
  })

  test('19: a copy that is there already is not made again, under whichever name', async () => {
    const old = { 'f (conflict 1970-01-01 00-03-20 elsewhere)': 'left' }
    const sides = [file('left', { mtime: 200 }), file('right', { mtime: 300 })] as const
    const result = await outcome({ f: 'x', ...old }, { f: sides[0], ...old }, { f: sides[1], ...old })
    assert.deepEqual(result.tree, { f: 'right', ...old })
    assert.equal(result.conflicts[0]?.copy, 'f (conflict 1970-01-01 00-03-20 elsewhere)')
  })

  test('19: a hundred conflicts in one directory, for half of which there are copies', async () => {
    const [base, left, right, copies]: Record<string, Children[string]>[] = [{}, {}, {}, {}]
    for (let n = 0; n < 100; n++) {
      base![`f${n}`] = 'x'
      left![`f${n}`] = file(`left ${n}`, { mtime: 200 })
      right![`f${n}`] = file(`right ${n}`, { mtime: 300 })
      const copy = `f${n} (conflict 1970-01-01 00-03-20 ${n % 3 === 0 ? 'other' : 'one'})`
      if (n % 2 === 0) copies![copy] = n % 4 === 0 ? `left ${n}` : 'in the way'
    }
    const { tree, conflicts } = await outcome(
      { ...base, ...copies },
      { ...left, ...copies },
      { ...right, ...copies },
    )
    assert.equal(conflicts.length, 100)
    for (const { path, copy } of conflicts) assert.equal(tree[copy!], tree[path]!.replace('right', 'left'))
    // A copy each, the 25 other files, and no second copy where there was one.
    assert.equal(Object.keys(tree).length, 100 + 100 + 25)
  })

  test('19: where something else has the name of a copy, that gets a number', async () => {
    const other = { 'f (conflict 1970-01-01 00-03-20 one)': 'other' }
    const result = await outcome(
      { f: 'x', ...other },
      { f: file('left', { mtime: 200 }), ...other },
      { f: file('right', { mtime: 300 }), ...other },
    )
    assert.equal(result.tree['f (conflict 1970-01-01 00-03-20 one 2)'], 'left')
  })
})
