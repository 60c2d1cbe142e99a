import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCopyName } from '../../../src/sync/conflict-copies.ts'

test('the name of a conflict copy says what it is a copy of', () => {
  for (const [name, original, host] of [
    ['report (conflict 2026-11-21 20-15-03 laptop).txt', 'report.txt', 'laptop'],
    ['report (conflict 2026-11-21 20-15-03 laptop 2).txt', 'report.txt', 'laptop'],
    ['report (conflict 2026-11-21 20-15-03).txt', 'report.txt', ''],
    ['Makefile (conflict 2026-11-21 20-15-03 two words)', 'Makefile', 'two words'],
    ['.profile (conflict 2026-11-21 20-15-03 pc)', '.profile', 'pc'],
    ['a.tar (conflict 2026-11-21 20-15-03 pc).gz', 'a.tar.gz', 'pc'],
    ['a\n\udcff (conflict 2026-11-21 20-15-03 pc).x', 'a\n\udcff.x', 'pc'],
    [
      'a (conflict 2026-11-21 20-15-03 pc) (conflict 2026-11-22 20-15-03 mac).x',
      'a (conflict 2026-11-21 20-15-03 pc).x',
      'mac',
    ],
  ] as const) {
    assert.deepEqual(readCopyName(name), { original, host }, name)
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
