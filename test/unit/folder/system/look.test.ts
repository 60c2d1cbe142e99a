import assert from 'node:assert/strict'
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { openDirectory } from '../../../../src/folder/system/directory-handle.ts'
import { readStat } from '../../../../src/folder/system/file-stat.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { Look } from '../../../../src/folder/system/look.ts'
import { setTimes } from '../../../../src/folder/system/times.ts'
import { requireTool } from '../../../require.ts'
import { onEachFileSystem } from './places.ts'

const halves = (value: bigint): [low: number, high: number] => [
  Number(BigInt.asIntN(32, value)),
  Number(BigInt.asIntN(32, value >> 32n)),
]

onEachFileSystem('a quick look', (place) => {
  test('agrees with a stat, and with nothing beside it', (t) => {
    const system = libc()
    if (!requireTool(t, system !== undefined, 'the C library') || system === undefined) return
    const root = place(t)
    const times = [
      0n,
      1n,
      -1n,
      1_763_776_511_123_456_789n,
      -1_500_000_001n,
      4_294_967_296n,
      2n ** 33n * 10n ** 9n,
    ]
    for (const [n, time] of times.entries()) {
      writeFileSync(`${root}/${n}`, 'x'.repeat(n))
      setTimes(`${root}/${n}`, time)
    }
    writeFileSync(`${root}/grüße`, '')
    truncateSync(`${root}/0`, 5 * 2 ** 32 + 7)
    linkSync(`${root}/0`, `${root}/other`)
    symlinkSync('nowhere', `${root}/link`)
    mkdirSync(`${root}/directory`)
    const handle = openDirectory(root)
    t.after(() => handle.close())
    const look = new Look(system)
    const names = handle.names()
    assert.equal(names.length, times.length + 4)
    for (const name of names) {
      const stat = readStat(`${root}/${name}`)!
      assert.ok(look.at(handle.fd, name), name)
      assert.equal(look.size, stat.size, name)
      assert.equal(look.links, stat.nlink, name)
      const types = { file: 0o10, directory: 0o4, symlink: 0o12 }
      assert.equal(look.type, types[stat.kind as keyof typeof types], name)
      for (const step of [0n, 1n, -1n, 1n << 32n, -1n << 32n, 1n << 63n]) {
        const same = step === 0n
        assert.equal(look.hasInode(...halves(stat.ino + step)), same, name)
        assert.equal(look.changedAt(...halves(stat.ctimeNs + step)), same, name)
        assert.equal(look.modifiedAt(...halves(stat.mtimeNs + step)), same, name)
      }
    }
    assert.equal(look.at(handle.fd, 'none'), false)
    assert.equal(look.at(handle.fd, '\udcff'), false)
  })
})
