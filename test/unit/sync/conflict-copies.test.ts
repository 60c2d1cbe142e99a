import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conflictName } from '../../../src/sync/merge/conflict-name.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { findConflictCopies, readCopyName } from '../../../src/sync/conflict-copies.ts'
import { plant } from '../../suites/plant.ts'

function said(name: string): { original: string; host: string } | undefined {
  const found = readCopyName(name)
  return found && { original: found.original, host: found.host }
}

test('the name of a conflict copy says what it is a copy of', () => {
  for (const [name, original, host] of [
    ['report (conflict 2026-11-21 20-15-03 laptop).txt', 'report.txt', 'laptop'],
    ['report (conflict 2026-11-21 20-15-03 laptop 2).txt', 'report.txt', 'laptop'],
    ['report (conflict 2026-11-21 20-15-03).txt', 'report.txt', ''],
    ['Makefile (conflict 2026-11-21 20-15-03 two words)', 'Makefile', 'two words'],
    ['a (conflict 2026-11-21 20-15-03 my (old) pc).x', 'a.x', 'my (old) pc'],
    ['.profile (conflict 2026-11-21 20-15-03 pc)', '.profile', 'pc'],
    ['a.tar (conflict 2026-11-21 20-15-03 pc).gz', 'a.tar.gz', 'pc'],
    ['a\n\udcff (conflict 2026-11-21 20-15-03 pc).x', 'a\n\udcff.x', 'pc'],
    [
      'a (conflict 2026-11-21 20-15-03 pc) (conflict 2026-11-22 20-15-03 mac).x',
      'a (conflict 2026-11-21 20-15-03 pc).x',
      'mac',
    ],
  ] as const) {
    assert.deepEqual(said(name), { original, host }, name)
  }
  for (const name of [
    'report.txt',
    'report (conflict).txt',
    'report(conflict 2026-11-21 20-15-03 laptop).txt',
    'report (conflict 2026-11-21 laptop).txt',
    ' (conflict 2026-11-21 20-15-03 laptop)',
    'report (conflict 2026-11-21 20-15-03 laptop).txt and more',
  ])
    assert.equal(readCopyName(name), undefined, name)
})

test('what merges make is read', () => {
  for (const name of [
    'report.txt',
    'Makefile',
    '.profile',
    'a.b.c',
    'no extension. really',
    'a (conflict).txt',
  ]) {
    const { numbered } = conflictName(name, 1_700_000_000_123_456_789n, 'lap:top')
    for (const count of [1, 2, 37])
      assert.deepEqual(said(numbered(count)), { original: name, host: 'lap-top' })
  }
})

test('a copy whose name had no room for all of the other is found beside it', async () => {
  for (const name of ['x'.repeat(251) + '.txt', 'ü'.repeat(120) + '.md', 'y'.repeat(255)]) {
    const copy = conflictName(name, 1_700_000_000_123_456_789n, 'laptop').numbered(1)
    const store = new MemoryStore()
    const root = await plant(store, { below: { [name]: 'kept', [copy]: 'lost', z: 'z' }, other: 'o' })
    const found = await Array.fromAsync(findConflictCopies(store, root))
    assert.deepEqual(
      found.map(({ path, original, host }) => [path, original, host]),
      [[`below/${copy}`, `below/${name}`, 'laptop']],
    )
    const alone = await plant(store, { below: { [copy]: 'lost', z: 'z' } })
    assert.deepEqual(await Array.fromAsync(findConflictCopies(store, alone)), [])
  }
})
