import assert from 'node:assert/strict'
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { dataExtents, mayHaveHoles } from '../../../../src/folder/system/extents.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { requireTool } from '../../../require.ts'
import { onEachFileSystem } from './places.ts'

const MiB = 2 ** 20

onEachFileSystem('dataExtents', (place) => {
  /** A new file with a byte of data at each of `offsets`. */
  function sparse(t: Parameters<typeof place>[0], size: number, offsets: readonly number[]): number {
    const fd = openSync(`${place(t)}/sparse`, 'w+')
    t.after(() => closeSync(fd))
    ftruncateSync(fd, size)
    for (const offset of offsets) writeSync(fd, 'x', offset)
    return fd
  }

  test('finds the data of a sparse file, past 4 GiB too', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const offsets = [MiB, 7 * MiB + 5, 6 * 2 ** 30, 2 ** 40 - 1]
    const fd = sparse(t, 2 ** 40, offsets)
    assert.ok(mayHaveHoles(fstatSync(fd)))
    const extents = [...dataExtents(fd, 2 ** 40)]
    assert.equal(extents.length, offsets.length)
    for (const [i, { start, end }] of extents.entries()) {
      assert.ok(start <= offsets[i]! && offsets[i]! < end, `${start}-${end}`)
      assert.ok(end - start <= 64 * 1024)
    }
    assert.equal(extents.at(-1)!.end, 2 ** 40)
  })

  test('loses no byte', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const fd = sparse(t, 3 * MiB, [0, 4095, 300_000, MiB, 3 * MiB - 1])
    const [plain, pieced] = [Buffer.alloc(3 * MiB), Buffer.alloc(3 * MiB)]
    readSync(fd, plain, 0, 3 * MiB, 0)
    for (const { start, end } of dataExtents(fd, 3 * MiB)) readSync(fd, pieced, start, end - start, start)
    assert.equal(pieced.compare(plain), 0)
  })

  test('of files that are one hole, empty, all data, or longer or shorter than said', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const fd = sparse(t, MiB, [])
    assert.deepEqual([...dataExtents(fd, MiB)], [])
    assert.deepEqual([...dataExtents(fd, 0)], [])
    writeSync(fd, Buffer.alloc(MiB, 1), 0, MiB, 0)
    assert.ok(!mayHaveHoles(fstatSync(fd)))
    assert.deepEqual([...dataExtents(fd, MiB)], [{ start: 0, end: MiB }])
    assert.deepEqual([...dataExtents(fd, 1000)], [{ start: 0, end: 1000 }])
    assert.deepEqual([...dataExtents(fd, 9 * MiB)], [{ start: 0, end: MiB }])
  })

  test('of what is no file is an error', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    assert.throws(() => [...dataExtents(9999, 1)], {
      code: 'failed',
      message: /descriptor 9999: bad file descriptor/,
    })
  })
})
