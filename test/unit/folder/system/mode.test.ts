import assert from 'node:assert/strict'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { nameFromBytes } from '../../../../src/bytes/name.ts'
import { openDirectory } from '../../../../src/folder/system/directory-handle.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { setMode } from '../../../../src/folder/system/mode.ts'
import { makeDevice, makeFifo, makeSocket } from '../../../../src/folder/system/nodes.ts'
import { requireTool } from '../../../require.ts'
import { onEachFileSystem } from './places.ts'

onEachFileSystem('setMode', (place) => {
  for (const by of ['descriptor', 'path'] as const) {
    test(`of files and directories, by ${by}`, (t) => {
      const directory = place(t)
      const handle = openDirectory(directory, by)
      t.after(() => handle.close())
      const odd = nameFromBytes(Uint8Array.of(0xff))
      writeFileSync(handle.path(odd), '')
      mkdirSync(handle.path('directory'))
      for (const name of [odd, 'directory']) {
        for (const mode of [0o7777, 0o1640, 0o400]) {
          setMode(handle, name, mode)
          assert.equal(handle.stat(name)!.mode, mode)
        }
      }
      assert.throws(() => setMode(handle, 'none', 0o600), { code: 'missing', message: /none/ })
      assert.throws(() => setMode(handle, '..', 0o600), { code: 'usage' })
    })

    test(`never through a symbolic link, by ${by}`, (t) => {
      const directory = place(t)
      writeFileSync(`${directory}/file`, '', { mode: 0o600 })
      symlinkSync('file', `${directory}/link`)
      const handle = openDirectory(directory, by)
      t.after(() => handle.close())
      assert.throws(() => setMode(handle, 'link', 0o777), { code: 'conflict', message: /link/ })
      assert.equal(statSync(`${directory}/file`).mode & 0o777, 0o600)
    })
  }

  test('of fifos, sockets and devices', (t) => {
    const ready = libc()?.mknod !== undefined && process.getuid?.() === 0
    if (!requireTool(t, ready, 'needs koffi and root')) return
    const directory = place(t)
    makeFifo(`${directory}/fifo`, 0)
    makeSocket(`${directory}/socket`, 0)
    // Nothing drives it: opening it in earnest would fail.
    makeDevice(`${directory}/device`, 'character', 0, { major: 0xffe, minor: 1 })
    const handle = openDirectory(directory)
    t.after(() => handle.close())
    for (const name of ['fifo', 'socket', 'device']) {
      setMode(handle, name, 0o666)
      assert.equal(handle.stat(name)!.mode, 0o666)
    }
  })
})
