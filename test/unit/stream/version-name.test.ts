import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  compareVersions,
  isVersionName,
  nextVersionName,
  versionOfFile,
  versionTime,
} from '../../../src/stream/version-name.ts'

const noon = Date.UTC(2026, 10, 21, 12, 0, 0)

suite('names of versions', () => {
  test('the first of a second has the old form', () => {
    assert.equal(nextVersionName(noon + 250, undefined, 'utc'), '20261121-120000')
    assert.equal(nextVersionName(noon + 250, '20261121-115959', 'utc'), '20261121-120000')
  })

  test('more in one second sort behind it, before the next, and tell the time', () => {
    const names = ['20261121-120000']
    for (const at of [100, 100.5, 100.5, 900, 1000])
      names.push(nextVersionName(noon + at, names.at(-1), 'utc'))
    assert.deepEqual(names, [
      '20261121-120000',
      '20261121-120000_100000',
      '20261121-120000_100500',
      '20261121-120000_100501',
      '20261121-120000_900000',
      '20261121-120001',
    ])
    const files = names.map((name) => `${name}.txt`)
    assert.deepEqual(files.toSorted(), files)
    assert.equal(versionTime('20261121-120000_900000', 'utc'), noon + 900)
  })

  test('a clock that steps back: the order stays, and so does the true time', () => {
    const later = '20261121-120000_999999'
    const back = nextVersionName(noon - 3_600_000, later, 'utc')
    assert.equal(back, `20261121-120001@${noon / 1000 - 3600}.000000`)
    assert.ok(compareVersions(later, back) < 0)
    assert.equal(versionTime(back, 'utc'), noon - 3_600_000)
    const again = nextVersionName(noon - 3_599_000.5, back, 'utc')
    assert.ok(compareVersions(back, again) < 0)
    assert.ok(Math.abs(versionTime(again, 'utc') - (noon - 3_599_000.5)) < 0.01)
  })

  test('the hour that the end of summer time repeats', (t) => {
    const zone = process.env['TZ']
    process.env['TZ'] = 'Europe/Berlin'
    t.after(() => {
      if (zone === undefined) delete process.env['TZ']
      else process.env['TZ'] = zone
    })
    const first = Date.UTC(2026, 9, 25, 0, 30)
    const second = first + 3_600_000
    const before = nextVersionName(first, undefined, 'local')
    assert.equal(before, '20261025-023000')
    const behind = nextVersionName(second, before, 'local')
    assert.equal(behind, `20261025-023000_000000@${second / 1000}.000000`)
    assert.ok(compareVersions(before, behind) < 0)
    assert.equal(versionTime(before, 'local'), first)
    assert.equal(versionTime(behind, 'local'), second)
    // Alone in the second hour the digits would be read as the first.
    assert.equal(nextVersionName(second, undefined, 'local'), `20261025-023000@${second / 1000}.000000`)
    assert.equal(nextVersionName(second + 1_800_000, behind, 'local'), '20261025-030000')
  })

  test('other files are no versions', () => {
    assert.equal(versionOfFile('20261121-120000.txt'), '20261121-120000')
    for (const file of [
      '20261121-120000',
      'x.txt',
      '20261121-120000.txt.gz',
      '20261121-1200001.txt',
      '20261121-126000.txt',
    ]) {
      assert.equal(versionOfFile(file), undefined, file)
    }
    assert.ok(!isVersionName('20261321-120000'))
    assert.ok(!isVersionName('20261121-120000_12'))
  })
})

test('names sort as their files do, and dates that are none make no names', () => {
  const names = ['20261122-030405', '20261122-030406', '20271122-030405'].flatMap((name) => [
    name,
    `${name}_000001`,
    `${name}_050000`,
    `${name}@1.000000`,
    `${name}@12.000000`,
    `${name}_050000@1795316645.000001`,
  ])
  for (const a of names) {
    assert.ok(isVersionName(a), a)
    for (const b of names) {
      const files = [`${a}.txt`, `${b}.txt`]
      const order = a === b ? 0 : files.toSorted()[0] === files[0] ? -1 : 1
      assert.equal(compareVersions(a, b), order, `${a} ${b}`)
    }
  }
  for (const digits of ['20261322', '20260022', '20261100', '20261132'])
    assert.ok(!isVersionName(`${digits}-000000`), digits)
  for (const digits of ['240000', '236000', '235962']) assert.ok(!isVersionName(`20261122-${digits}`), digits)
  assert.ok(isVersionName('20261231-235961'))
})
