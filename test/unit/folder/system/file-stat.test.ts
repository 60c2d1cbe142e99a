import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { suite, test } from 'node:test'
import { nameFromBytes } from '../../../../src/bytes/name.ts'
import { statAt } from '../../../../src/folder/system/at.ts'
import { fileStat, kindOfMode, readStat } from '../../../../src/folder/system/file-stat.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { makeFifo, makeSocket } from '../../../../src/folder/system/nodes.ts'
import { childPath, readNames } from '../../../../src/folder/system/paths.ts'
import { setTimes } from '../../../../src/folder/system/times.ts'
import { requireTool } from '../../../require.ts'
import { onEachFileSystem } from './places.ts'

onEachFileSystem('readStat', (place) => {
  test('says what is there', (t) => {
    const path = childPath(place(t), nameFromBytes(Uint8Array.of(0x80)))
    writeFileSync(path, 'twelve bytes')
    linkSync(path, `${path.toString('latin1')}-2`)
    chmodSync(path, 0o4751)
    const stat = readStat(path)!
    const { dev, ino, ctimeNs, mtimeNs, uid, gid } = lstatSync(path, { bigint: true })
    assert.deepEqual(stat, {
      kind: 'file',
      mode: 0o4751,
      uid: Number(uid),
      gid: Number(gid),
      size: 12,
      ino,
      dev,
      nlink: 2,
      mtimeNs,
      ctimeNs,
      rdev: 0n,
      blocks: 8,
    })
  })

  test('of nothing, or below a file, is undefined', (t) => {
    const directory = place(t)
    writeFileSync(`${directory}/file`, '')
    assert.equal(readStat(`${directory}/none`), undefined)
    assert.equal(readStat(`${directory}/file/none`), undefined)
    assert.throws(() => readStat(`${directory}/${'n'.repeat(300)}`), {
      code: 'failed',
      message: /name too long/,
    })
  })

  test('and statAt say the same of every kind', (t) => {
    const system = libc()
    if (!requireTool(t, system !== undefined, 'needs koffi')) return
    const directory = place(t)
    writeFileSync(`${directory}/file`, 'x'.repeat(10_000))
    chmodSync(`${directory}/file`, 0o2640)
    writeFileSync(`${directory}/huge`, '')
    truncateSync(`${directory}/huge`, 5 * 2 ** 32 + 17)
    mkdirSync(`${directory}/directory`)
    chmodSync(`${directory}/directory`, 0o1777)
    symlinkSync('nowhere', `${directory}/symlink`)
    makeFifo(`${directory}/fifo`, 0o600)
    makeSocket(`${directory}/socket`, 0o600)
    writeFileSync(childPath(directory, nameFromBytes(Uint8Array.of(0xff))), '')
    if (process.getuid?.() === 0) chownSync(`${directory}/file`, 3_000_000_000, 4_000_000_000)
    setTimes(`${directory}/file`, -1n)

    const names = readNames(directory)
    assert.equal(names.length, 7)
    const fd = openSync(directory, 'r')
    t.after(() => closeSync(fd))
    for (const name of names) {
      assert.deepEqual(statAt(system!, fd, name), readStat(childPath(directory, name)), name)
    }
    assert.equal(statAt(system!, fd, 'none'), undefined)
    assert.equal(statAt(system!, fd, 'file/none'), undefined)
    assert.throws(() => statAt(system!, fd, 'n'.repeat(300)), { code: 'ENAMETOOLONG' })
    const devices = openSync('/dev', 'r')
    t.after(() => closeSync(devices))
    assert.deepEqual(statAt(system!, devices, 'null'), readStat('/dev/null'))
  })
})

suite('file stats', () => {
  test('of a descriptor', () => {
    const fd = openSync('/dev/null', 'r')
    assert.equal(fileStat(fstatSync(fd, { bigint: true })).kind, 'character')
    closeSync(fd)
  })

  test('of no known kind are unsupported', () => {
    assert.throws(() => kindOfMode(0o150000), { code: 'unsupported' })
  })
})
