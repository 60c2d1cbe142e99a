import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { lastCommon } from '../../../../src/sync/base.ts'
import { mergeHeads } from '../../../../src/sync/merge/merge-heads.ts'
import { directory, file, outcome } from '../../../suites/model-nodes.ts'
import { ModelReplicas } from '../../../suites/model-replicas.ts'
import { putInto } from '../../../suites/merging.ts'
import { readModel, type ModelEdit } from '../../../suites/model-tree.ts'

/** Cases in which other programs have lost files, or made a mess of them, as far as the plan is concerned. */
suite('what was lost elsewhere', () => {
  test('syncthing#7857: no program takes the copy of a module for the module', async () => {
    const { conflicts } = await outcome(
      {},
      { 'module.py': file('left', { mtime: 1 }) },
      { 'module.py': 'right' },
    )
    const copy = conflicts[0]!.copy!
    // It opens with what opens the other, but is no name that code could import.
    assert.match(copy, /\.py$/)
    assert.doesNotMatch(copy.slice(0, -3), /^[\p{L}_][\p{L}\p{N}_.]*$/u)
  })

  test('syncthing-resolve-conflicts#10: equal contents are no conflict, whenever and however they were written', async () => {
    const left = { 'a.txt': file('same', { mtime: 1, mode: 0o600 }), d: directory({ b: 'same' }) }
    const right = {
      'a.txt': file('same', { mtime: 9, uid: 5 }),
      d: directory({ b: file('same', { mtime: 9 }) }),
    }
    for (const base of [undefined, {}, { 'a.txt': 'old', d: directory({ b: 'old' }) }]) {
      const result = await outcome(base, left, right)
      assert.deepEqual([result.tree, result.conflicts], [{ 'a.txt': 'same', 'd/b': 'same' }, []])
    }
  })

  test('unison#1003, unison#98: a lost archive makes no conflicts of what is equal, and brings back nothing', async () => {
    const result = await outcome(undefined, { a: 'x', b: 'left' }, { a: 'x', c: 'right' })
    assert.deepEqual([result.tree, result.conflicts], [{ a: 'x', b: 'left', c: 'right' }, []])
  })

  test('nextcloud/desktop#260: a replica that was set up anew deletes nothing on the others', async () => {
    const all = { a: 'x', d: directory({ b: 'y' }) }
    assert.deepEqual((await outcome(undefined, {}, all)).tree, { a: 'x', 'd/b': 'y' })
    assert.deepEqual((await outcome(undefined, { a: 'x' }, all)).tree, { a: 'x', 'd/b': 'y' })
  })

  test('nextcloud/desktop#1433: where everything was deleted, what the other side changed meanwhile stays', async () => {
    const base = { a: 'x', d: directory({ b: 'y', c: 'z' }) }
    const result = await outcome(base, {}, { a: 'x', d: directory({ b: 'y', c: 'edited' }), new: 'n' })
    assert.deepEqual(result.tree, { 'd/c': 'edited', new: 'n' })
  })

  test('nextcloud/desktop#506: what could not be read or sent is not taken for deleted', async () => {
    const base = { d: directory({ a: 'x', b: 'y' }), e: 'z' }
    const locked = { d: directory({}, { unreadable: true }), e: 'left' }
    const result = await outcome(base, locked, { ...base, e: 'z', f: 'new' })
    assert.deepEqual(result.tree, { 'd/a': 'x', 'd/b': 'y', e: 'left', f: 'new' })
  })

  test('syncthing 2: a delete never wins over an edit, be it newer', async () => {
    const result = await outcome({ a: file('x', { mtime: 100 }) }, {}, { a: file('y', { mtime: 1 }) })
    assert.deepEqual(result.tree, { a: 'y' })
  })

  test('osync#43, unison PR#576, syncthing#1677: an edit is not lost to a rename, nor is there the old file besides', async () => {
    const result = await outcome({ 'old.txt': 'x' }, { 'new.txt': 'x' }, { 'old.txt': 'y' })
    assert.deepEqual(result.tree, { 'new.txt': 'y' })
  })

  test('syncthing#1746: texts are merged, where they are named, and nobody has to choose', async () => {
    const rules = { '.tidemarkmerge': '*.txt' }
    const result = await outcome(
      { ...rules, 'a.txt': lines('a', 'b') },
      { ...rules, 'a.txt': lines('A', 'b') },
      { ...rules, 'a.txt': lines('a', 'B') },
    )
    assert.deepEqual([result.tree['a.txt'], result.conflicts], [lines('A', 'B'), []])
  })

  test('syncthing 2 forgets deletes after 15 months: who was away for longer brings nothing back', async () => {
    const replicas = await ModelReplicas.make(3, true)
    await replicas.edit(0, [edit('write', 0), edit('write', 1)])
    await replicas.exchange(0, 1)
    await replicas.exchange(0, 2)
    const before = replicas.heads[2]!
    // Replica 2 is away; the others delete a file, go on for a long time, and forget what was in between.
    await replicas.edit(0, [edit('remove', 0)])
    await replicas.exchange(0, 1)
    for (let n = 0; n < 30; n++) {
      await replicas.edit(n % 2, [edit('write', 2, n)])
      await replicas.exchange(0, 1)
    }
    for (const id of replicas.snapshots.keys())
      if (id !== replicas.heads[0]!.id && id !== before.id) replicas.snapshots.delete(id)
    await replicas.edit(2, [edit('write', 3)])
    await replicas.exchange(2, 0)
    const paths = [...(await readModel(replicas.store, replicas.heads[0]!.snapshot.root)).keys()]
    assert.deepEqual(paths, ['b', 'c.txt', 'd'])
  })

  test('and when even what both knew is forgotten, all of both stays, and nothing is doubled', async () => {
    const replicas = await ModelReplicas.make(2, true)
    await replicas.edit(0, [edit('write', 0), edit('write', 1)])
    await replicas.exchange(0, 1)
    await replicas.edit(0, [edit('remove', 0)])
    await replicas.edit(1, [edit('write', 3)])
    const [one, other] = [replicas.heads[0]!, replicas.heads[1]!]
    const forgetful = { snapshot: async (): Promise<undefined> => undefined }
    assert.deepEqual(await lastCommon(one, other, forgetful), [])
    const { head, conflicts } = await mergeHeads(replicas.store, one, other, [], putInto(replicas.store))
    const paths = [...(await readModel(replicas.store, head.snapshot.root)).keys()]
    assert.deepEqual([paths, conflicts], [['a', 'b', 'd'], []])
  })
})

function lines(first: string, last: string): string {
  return `${first}\nmiddle\n${last}\n`
}

function edit(action: ModelEdit['action'], value: number, where = 0): ModelEdit {
  return { action, where, to: 0, value }
}
