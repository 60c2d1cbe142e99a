import assert from 'node:assert/strict'
import { lstatSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { nameFromBytes } from '../../../../src/bytes/name.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { childPath } from '../../../../src/folder/system/paths.ts'
import { setTimes } from '../../../../src/folder/system/times.ts'
import { requireTool } from '../../../require.ts'
import { onEachFileSystem } from './places.ts'

const mtimeOf = (path: string | Buffer): bigint => lstatSync(path, { bigint: true }).mtimeNs

onEachFileSystem('setTimes', (place) => {
  test('is exact to the nanosecond, before 1970 and past 2038 too, and keeps the time of access', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const path = childPath(place(t), nameFromBytes(Uint8Array.of(0xff)))
    writeFileSync(path, '')
    utimesSync(path, 1_000_000_000, 5)
    const times = [
      1_732_000_000_123_456_789n,
      1n,
      0n,
      -1n,
      -1_000_000_000n,
      -1_500_000_001n,
      2n ** 32n * 10n ** 9n + 7n,
    ]
    for (const time of times) {
      assert.equal(setTimes(path, time), true)
      assert.equal(mtimeOf(path), time)
    }
    assert.equal(lstatSync(path, { bigint: true }).atimeNs, 1_000_000_000n * 1_000_000_000n)
  })

  test('of a symbolic link leaves what it leads to alone', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const directory = place(t)
    writeFileSync(`${directory}/file`, '')
    const before = mtimeOf(`${directory}/file`)
    for (const target of ['file', 'nowhere']) {
      symlinkSync(target, `${directory}/to-${target}`)
      setTimes(`${directory}/to-${target}`, 987_654_321n)
      assert.equal(mtimeOf(`${directory}/to-${target}`), 987_654_321n)
    }
    assert.equal(mtimeOf(`${directory}/file`), before)
  })

  test('of nothing is missing, beyond the clock a limit', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const directory = place(t)
    assert.throws(() => setTimes(`${directory}/none`, 0n), { code: 'missing', message: /none/ })
    assert.throws(() => setTimes(directory, 2n ** 100n), { code: 'limit' })
  })
})
