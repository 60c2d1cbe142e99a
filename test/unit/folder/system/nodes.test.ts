import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameFromBytes } from '../../../../src/bytes/name.ts'
import { splitDevice } from '../../../../src/folder/system/device.ts'
import { readStat } from '../../../../src/folder/system/file-stat.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { makeDevice, makeFifo, makeSocket } from '../../../../src/folder/system/nodes.ts'
import { childPath } from '../../../../src/folder/system/paths.ts'
import { requireTool } from '../../../require.ts'
import { onEachFileSystem } from './places.ts'

const ready = libc()?.mknod !== undefined
const isRoot = process.getuid?.() === 0

onEachFileSystem('nodes', (place) => {
  test('a fifo and a socket, with their modes', (t) => {
    if (!requireTool(t, ready, 'needs koffi')) return
    const directory = place(t)
    const path = childPath(directory, nameFromBytes(Uint8Array.of(0xff)))
    makeFifo(path, 0o600)
    const long = `${directory}/${'s'.repeat(200)}`
    makeSocket(long, 0o1700)
    assert.deepEqual([readStat(path)!.kind, readStat(path)!.mode], ['fifo', 0o600])
    assert.deepEqual([readStat(long)!.kind, readStat(long)!.mode], ['socket', 0o1700])
  })

  test('devices that are what they say', (t) => {
    if (!requireTool(t, ready && isRoot, 'needs koffi and root')) return
    const directory = place(t)
    makeDevice(`${directory}/null`, 'character', 0o600, { major: 1, minor: 3 })
    makeDevice(`${directory}/far`, 'block', 0o600, { major: 0xfff, minor: 0xfffff })
    assert.equal(readStat(`${directory}/null`)!.kind, 'character')
    assert.equal(readStat(`${directory}/null`)!.rdev, readStat('/dev/null')!.rdev)
    const far = readStat(`${directory}/far`)!
    assert.deepEqual([far.kind, splitDevice(far.rdev)], ['block', { major: 0xfff, minor: 0xfffff }])
  })

  test('are refused where something is, or nothing can be', (t) => {
    if (!requireTool(t, ready, 'needs koffi')) return
    const directory = place(t)
    makeFifo(`${directory}/fifo`, 0o600)
    assert.throws(() => makeFifo(`${directory}/fifo`, 0o600), {
      code: 'exists',
      message: /fifo: file already exists/,
    })
    assert.throws(() => makeSocket(`${directory}/none/s`, 0o600), { code: 'missing' })
    for (const device of [
      { major: 0x1000, minor: 0 },
      { major: 0, minor: 0x100000 },
      { major: -1, minor: 0 },
      { major: 0.5, minor: 0 },
    ]) {
      assert.throws(() => makeDevice(`${directory}/d`, 'block', 0o600, device), { code: 'limit' })
    }
    assert.equal(readStat(`${directory}/d`), undefined)
  })
})
