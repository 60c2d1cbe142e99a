import assert from 'node:assert/strict'
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { suite, test } from 'node:test'
import { nameFromBytes } from '../../../../src/bytes/name.ts'
import { openDirectory, type DirectoryHandle } from '../../../../src/folder/system/directory-handle.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { makeFifo } from '../../../../src/folder/system/nodes.ts'
import { readXattrs, writeXattrs } from '../../../../src/folder/system/xattrs.ts'
import { requireTool } from '../../../require.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants
const odd = nameFromBytes(Uint8Array.of(0x61, 0xff, 0x80))

/** The first calls of a process go through node:fs, later ones through the C library: both are tested. */
function pastTheFirstCalls(handle: DirectoryHandle): void {
  for (let i = 0; i < 5000; i++) handle.stat('none')
}

function write(handle: DirectoryHandle, name: string, text: string): void {
  const fd = handle.open(name, O_WRONLY | O_CREAT | O_EXCL)
  writeSync(fd, text)
  closeSync(fd)
}

for (const by of ['descriptor', 'path'] as const) {
  for (const calls of ['first', 'later'] as const) {
    suite(`a directory handle, by ${by}, ${calls} calls`, () => directoryHandle(by, calls === 'later'))
  }
}

function directoryHandle(by: 'descriptor' | 'path', later: boolean): void {
  /** `outside/secret`, and an open `inside/`. */
  function setUp(t: Parameters<typeof temporaryDirectory>[0]): { root: string; inside: DirectoryHandle } {
    const root = temporaryDirectory(t)
    for (const name of ['inside', 'outside']) mkdirSync(`${root}/${name}`)
    writeFileSync(`${root}/outside/secret`, 'secret')
    const inside = openDirectory(`${root}/inside`, by)
    t.after(() => inside.close())
    if (later) pastTheFirstCalls(inside)
    return { root, inside }
  }

  test('reads, writes and looks, whatever the name', (t) => {
    const { root, inside } = setUp(t)
    assert.equal(inside.raceFree, by === 'descriptor' && existsSync('/proc/self/fd'))
    for (const name of ['plain', 'ü', odd]) {
      const made = inside.open(name, O_WRONLY | O_CREAT | O_EXCL, 0o640)
      writeSync(made, name)
      closeSync(made)
      assert.equal(inside.stat(name)!.mode, 0o640)
      const fd = inside.open(name, O_RDONLY)
      const buffer = Buffer.alloc(20)
      assert.equal(buffer.toString('utf8', 0, readSync(fd, buffer)), Buffer.from(name).toString())
      closeSync(fd)
      assert.throws(() => inside.open(name, O_WRONLY | O_CREAT | O_EXCL), { code: 'exists' })
    }
    assert.deepEqual(inside.names().toSorted(), ['plain', 'ü', odd].toSorted())
    inside.rename(odd, 'renamed')
    unlinkSync(inside.path('ü'))
    inside.sync()
    assert.deepEqual(inside.names().toSorted(), ['plain', 'renamed'])
    assert.equal(readFileSync(`${root}/inside/plain`, 'utf8'), 'plain')
    assert.equal(inside.stat('none'), undefined)
    assert.throws(() => inside.open('none', O_RDONLY), {
      code: 'missing',
      message: /open .*inside\/none: no such file/,
    })
  })

  test('goes down, also by an invalid name', (t) => {
    const { root, inside } = setUp(t)
    mkdirSync(inside.path(odd))
    const child = inside.child(odd)
    mkdirSync(child.path('deeper'))
    const deeper = child.child('deeper')
    inside.close()
    child.close()
    write(deeper, 'file', 'deep')
    assert.equal(deeper.stat('file')!.size, 4)
    deeper.close()
    assert.ok(existsSync(Buffer.from(`${root}/inside/a\xff\x80/deeper/file`, 'latin1')))
  })

  test('refuses what is no name', (t) => {
    const { inside } = setUp(t)
    for (const name of ['', '.', '..', '../outside', 'a/b', '/', 'a\0', '/etc/passwd']) {
      assert.throws(() => inside.path(name), { code: 'usage' })
      assert.throws(() => inside.stat(name), { code: 'usage' })
      assert.throws(() => inside.child(name), { code: 'usage' })
      assert.throws(() => inside.open(name, O_RDONLY), { code: 'usage' })
      assert.throws(() => inside.rename('plain', name), { code: 'usage' })
    }
  })

  test('refuses symbolic links, whatever they lead to', (t) => {
    const { root, inside } = setUp(t)
    symlinkSync('../outside', inside.path('directory'))
    symlinkSync('../outside/secret', inside.path('file'))
    symlinkSync('../outside/made', inside.path('dangling'))
    assert.throws(() => inside.child('directory'), { code: 'conflict', message: /inside\/directory/ })
    assert.throws(() => inside.child('file'), { code: 'conflict' })
    assert.throws(() => inside.open('file', O_RDONLY), { code: 'conflict' })
    assert.throws(() => inside.open('dangling', O_WRONLY | O_CREAT), { code: 'conflict' })
    assert.equal(inside.stat('directory')!.kind, 'symlink')
    assert.equal(lstatSync(inside.path('file')).isSymbolicLink(), true)
    assert.ok(!existsSync(`${root}/outside/made`))
    assert.throws(() => openDirectory(`${root}/inside/directory`, by), { code: 'conflict' })
  })

  test('is not led out by a link swapped in above', (t) => {
    const { root, inside } = setUp(t)
    mkdirSync(inside.path('sub'))
    const sub = inside.child('sub')
    t.after(() => sub.close())
    renameSync(`${root}/inside/sub`, `${root}/inside/moved`)
    symlinkSync('../outside', `${root}/inside/sub`)

    if (sub.raceFree) {
      assert.deepEqual(sub.names(), [])
      assert.equal(sub.stat('secret'), undefined)
      write(sub, 'new', 'new')
      mkdirSync(sub.path('made'))
      rmdirSync(sub.path('made'))
      assert.equal(readFileSync(`${root}/inside/moved/new`, 'utf8'), 'new')
    } else {
      assert.throws(() => sub.path('secret'), { code: 'conflict', message: /replaced/ })
      assert.throws(() => sub.names(), { code: 'conflict' })
    }
    assert.throws(() => inside.child('sub'), { code: 'conflict' })
    assert.ok(!existsSync(`${root}/outside/new`))
  })

  test('does not hang on a fifo that took the place of a file', (t) => {
    if (!requireTool(t, libc()?.mknod !== undefined, 'needs koffi')) return
    const { inside } = setUp(t)
    makeFifo(inside.path('fifo'), 0o600)
    closeSync(inside.open('fifo', O_RDONLY))
    assert.throws(() => inside.open('fifo', O_WRONLY), { code: 'conflict' })
  })

  test('gives paths that serve for attributes', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const { inside } = setUp(t)
    writeFileSync(inside.path('file'), '')
    const wanted = [{ name: 'user.a', value: Uint8Array.of(1) }]
    assert.deepEqual(writeXattrs(inside.path('file'), wanted, []), [])
    assert.deepEqual(readXattrs(inside.path('file')), wanted)
  })

  test('serves no more once closed', (t) => {
    const { inside } = setUp(t)
    inside.close()
    inside.close()
    assert.throws(() => inside.names(), { code: 'usage', message: /closed/ })
    assert.throws(() => inside.sync(), { code: 'usage' })
    assert.throws(() => inside.stat('a'), { code: 'usage' })
    assert.throws(() => inside.path('a'), { code: 'usage' })
    assert.throws(() => inside.child('a'), { code: 'usage' })
    assert.throws(() => inside.open('a', O_RDONLY), { code: 'usage' })
  })
}

suite('openDirectory', () => {
  test('tells a missing directory and what is none', (t) => {
    const root = temporaryDirectory(t)
    writeFileSync(`${root}/file`, '')
    assert.throws(() => openDirectory(`${root}/none`), { code: 'missing', message: /none: no such file/ })
    assert.throws(() => openDirectory(`${root}/file`), { code: 'conflict' })
  })
})
