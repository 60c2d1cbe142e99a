import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { nameFromBytes } from '../../../../src/bytes/name.ts'
import { libc } from '../../../../src/folder/system/libc.ts'
import { childPath } from '../../../../src/folder/system/paths.ts'
import { readXattrs, writeXattrs, type Xattr } from '../../../../src/folder/system/xattrs.ts'
import { requireTool } from '../../../require.ts'
import { onEachFileSystem } from './places.ts'

const isRoot = process.getuid?.() === 0
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined

function xattr(name: string, value: string | Uint8Array): Xattr {
  return { name, value: typeof value === 'string' ? new TextEncoder().encode(value) : value }
}

onEachFileSystem('xattrs', (place) => {
  test('are set, changed and removed, by path and by descriptor, and read in order', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const path = childPath(place(t), nameFromBytes(Uint8Array.of(0xff, 0x80)))
    writeFileSync(path, '')
    assert.deepEqual(readXattrs(path), [])

    const odd = xattr(nameFromBytes(Buffer.from('user.\xff', 'latin1')), Uint8Array.of(0, 255, 0))
    const first = [xattr('user.a', 'one'), xattr('user.b', ''), xattr('user.ü', 'two'), odd]
    assert.deepEqual(writeXattrs(path, first.toReversed(), []), [])
    assert.deepEqual(readXattrs(path), first)

    const fd = openSync(path, 'r+')
    t.after(() => closeSync(fd))
    const second = [xattr('user.a', 'changed'), xattr('user.b', ''), xattr('user.c', 'new')]
    assert.deepEqual(writeXattrs(fd, second, readXattrs(fd)), [])
    assert.deepEqual(readXattrs(fd), second)
    assert.deepEqual(writeXattrs(fd, [], second), [])
    assert.deepEqual(readXattrs(path), [])
  })

  test('of more bytes than a first look offers, names and values', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const path = `${place(t)}/many`
    writeFileSync(path, '')
    const large = xattr('user.zz', new Uint8Array(3000).fill(7))
    const many = Array.from({ length: 30 }, (_, i) => xattr(`user.${String(i).padStart(60, '0')}`, `${i}`))
    const problems = writeXattrs(path, [large], [])
    assert.deepEqual(problems, [])
    assert.deepEqual(readXattrs(path), [large])
    assert.deepEqual(writeXattrs(path, many, [large]), [])
    assert.deepEqual(readXattrs(path), many)
  })

  test('that another has removed meanwhile are no failure', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const path = `${place(t)}/raced`
    writeFileSync(path, '')
    assert.deepEqual(writeXattrs(path, [], [xattr('user.gone', 'x')]), [])
  })

  test('that will not be had are problems, and the others are set', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const path = `${place(t)}/some`
    writeFileSync(path, '')
    const wanted = [
      xattr('nosuchspace.x', '1'),
      xattr('system.posix_acl_access', 'no access control list'),
      xattr('user.fine', '2'),
      xattr(`user.${'n'.repeat(300)}`, '3'),
      xattr('user.toolarge', new Uint8Array(70_000)),
    ]
    const problems = writeXattrs(path, wanted, [])
    assert.deepEqual(
      problems.map(({ name }) => name),
      wanted.filter(({ name }) => name !== 'user.fine').map(({ name }) => name),
    )
    assert.equal(problems[0]!.error.code, 'unsupported')
    assert.match(problems[0]!.error.message, /set attribute nosuchspace.x of .*some/)
    assert.deepEqual(readXattrs(path), [xattr('user.fine', '2')])
  })

  test('of a symbolic link are its own, not those of what it leads to', (t) => {
    if (!requireTool(t, libc() !== undefined && isRoot, 'needs koffi and root')) return
    const directory = place(t)
    writeFileSync(`${directory}/file`, '')
    symlinkSync('file', `${directory}/link`)
    writeXattrs(`${directory}/file`, [xattr('user.of', 'file')], [])
    assert.deepEqual(readXattrs(`${directory}/link`), [])
    assert.equal(writeXattrs(`${directory}/link`, [xattr('user.of', 'link')], [])[0]!.error.code, 'denied')
    assert.deepEqual(writeXattrs(`${directory}/link`, [xattr('trusted.of', 'link')], []), [])
    assert.deepEqual(readXattrs(`${directory}/link`), [xattr('trusted.of', 'link')])
    assert.deepEqual(readXattrs(`${directory}/file`), [xattr('user.of', 'file')])
  })

  test('of nothing are missing, and a name with a NUL is refused', (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const directory = place(t)
    assert.throws(() => readXattrs(`${directory}/none`), { code: 'missing', message: /none/ })
    assert.throws(() => writeXattrs(`${directory}/none`, [xattr('user.a', '')], []), { code: 'missing' })
    assert.throws(() => writeXattrs(directory, [xattr('user.a\0b', '')], []), { code: 'usage' })
    assert.throws(() => readXattrs(`${directory}\0/none`), { code: 'usage' })
    assert.throws(() => readXattrs(9999), { code: 'failed', message: /descriptor 9999: bad file descriptor/ })
  })

  test('carry access control lists from one file to another', (t) => {
    if (!requireTool(t, libc() !== undefined && has('setfacl'), 'needs koffi and setfacl')) return
    const directory = place(t)
    for (const name of ['a', 'b']) mkdirSync(`${directory}/${name}`)
    execFileSync('setfacl', ['-m', 'u:1234:rw,d:g:99:r', `${directory}/a`])
    const xattrs = readXattrs(`${directory}/a`)
    assert.deepEqual(
      xattrs.map(({ name }) => name),
      ['system.posix_acl_access', 'system.posix_acl_default'],
    )
    assert.deepEqual(writeXattrs(`${directory}/b`, xattrs, []), [])
    const list = (name: string): string =>
      execFileSync('getfacl', ['-nc', name], { cwd: directory, encoding: 'utf8' })
    assert.equal(list('b'), list('a'))
    assert.match(list('b'), /user:1234:rw-/)

    writeFileSync(`${directory}/b/heir`, '')
    const inherited = readXattrs(`${directory}/b/heir`)
    assert.equal(inherited.length, 1)
    assert.deepEqual(writeXattrs(`${directory}/b/heir`, [], inherited), [])
    assert.deepEqual(readXattrs(`${directory}/b/heir`), [])
  })

  test('carry capabilities from one file to another', (t) => {
    const ready = libc() !== undefined && isRoot && has('setcap')
    if (!requireTool(t, ready, 'needs koffi, root and setcap')) return
    const directory = place(t)
    for (const name of ['a', 'b']) writeFileSync(`${directory}/${name}`, '')
    execFileSync('setcap', ['cap_net_raw+ep', `${directory}/a`])
    const xattrs = readXattrs(`${directory}/a`)
    chownSync(`${directory}/b`, 1, 1)
    assert.deepEqual(writeXattrs(`${directory}/b`, xattrs, []), [])
    assert.match(execFileSync('getcap', [`${directory}/b`], { encoding: 'utf8' }), /cap_net_raw=ep/)
  })
})
