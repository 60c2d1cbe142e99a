import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { nameFromBytes, nameToBytes } from '../../../../src/bytes/name.ts'
import { conflictName } from '../../../../src/sync/merge/conflict-name.ts'

const time = BigInt(Date.UTC(2026, 10, 21, 20, 15, 3)) * 1_000_000n + 999_999_999n

function named(name: string, host = 'laptop', count = 1): string {
  return conflictName(name, time, host).numbered(count)
}

suite('conflictName', () => {
  test('puts time and host before the extension, and a number behind them', () => {
    assert.equal(named('report.txt'), 'report (conflict 2026-11-21 20-15-03 laptop).txt')
    assert.equal(named('report.txt', 'laptop', 2), 'report (conflict 2026-11-21 20-15-03 laptop 2).txt')
    assert.equal(named('Makefile'), 'Makefile (conflict 2026-11-21 20-15-03 laptop)')
    assert.equal(named('a.tar.gz'), 'a.tar (conflict 2026-11-21 20-15-03 laptop).gz')
  })

  test('knows what is no extension', () => {
    assert.equal(named('.bashrc'), '.bashrc (conflict 2026-11-21 20-15-03 laptop)')
    assert.equal(named('.config.json'), '.config (conflict 2026-11-21 20-15-03 laptop).json')
    assert.equal(named('end.'), 'end. (conflict 2026-11-21 20-15-03 laptop)')
    assert.equal(named('Dr. No'), 'Dr. No (conflict 2026-11-21 20-15-03 laptop)')
    assert.ok(named(`a.${'x'.repeat(40)}`).endsWith(' laptop)'))
  })

  test('makes the host safe, leaves out what is empty, and cuts what is long', () => {
    assert.equal(named('a', 'my/host\n:'), 'a (conflict 2026-11-21 20-15-03 my-host--)')
    assert.equal(named('a', ''), 'a (conflict 2026-11-21 20-15-03)')
    assert.equal(named('a', 'ä'.repeat(40)), `a (conflict 2026-11-21 20-15-03 ${'ä'.repeat(16)})`)
  })

  test('knows times before 1970, down to the second below', () => {
    assert.equal(conflictName('a', -1n, '').numbered(1), 'a (conflict 1969-12-31 23-59-59)')
    assert.equal(conflictName('a', -(2n ** 63n), '').numbered(1), 'a (conflict 1677-09-21 00-12-43)')
    assert.equal(conflictName('a', 2n ** 63n - 1n, '').numbered(1), 'a (conflict 2262-04-11 23-47-16)')
  })

  test('is never longer than names can be, and never cuts a character in two', () => {
    for (const stem of ['x'.repeat(255), 'ä'.repeat(127), '\u{1f30a}'.repeat(63), '\udcff'.repeat(255)]) {
      for (const extension of ['', '.txt', '.äää']) {
        for (const count of [1, 2, 1_000_000]) {
          const bytes = nameToBytes(named(stem + extension, 'h'.repeat(100), count))
          assert.ok(bytes.length <= 255)
          assert.ok(bytes.length > 250)
          assert.ok(nameFromBytes(bytes).endsWith(`)${extension}`))
          assert.ok(nameFromBytes(bytes).startsWith(stem.slice(0, 4)))
        }
      }
    }
  })

  test('tells how all copies of a file and time begin', () => {
    const { prefix, numbered } = conflictName('report.txt', time, 'laptop')
    assert.equal(prefix, 'report (conflict 2026-11-21 20-15-03')
    assert.ok(numbered(3).startsWith(prefix))
  })
})
