import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { syncFileSystem } from '../../../../src/folder/system/durability.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { requireTool } from '../../../require.ts'
import { onEachFileSystem } from './places.ts'

onEachFileSystem('syncFileSystem', (place) => {
  test('syncs by a file or a directory, without the descriptors', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const directory = place(t)
    writeFileSync(`${directory}/file`, 'x')
    assert.equal(syncFileSystem(directory, []), true)
    assert.equal(syncFileSystem(`${directory}/file`, [9999]), true)
  })

  test('of nothing is missing', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    assert.throws(() => syncFileSystem(`${place(t)}/none`, []), { code: 'missing', message: /none/ })
  })
})
