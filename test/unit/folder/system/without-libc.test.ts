import assert from 'node:assert/strict'
import { closeSync, lstatSync, openSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { suite, test } from 'node:test'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

// An installation without the optional dependency, from here on.
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'koffi') throw new Error('not installed')
    return next(specifier, context)
  },
})

const { libc } = await import('../../../../src/folder/system/libc.ts')
const { readXattrs, writeXattrs } = await import('../../../../src/folder/system/xattrs.ts')
const { setTimes } = await import('../../../../src/folder/system/times.ts')
const { makeFifo } = await import('../../../../src/folder/system/nodes.ts')
const { dataExtents } = await import('../../../../src/folder/system/extents.ts')
const { syncFileSystem } = await import('../../../../src/folder/system/durability.ts')
const { openDirectory } = await import('../../../../src/folder/system/directory-handle.ts')

suite('without the C library', () => {
  test('it is not there', () => {
    assert.equal(libc(), undefined)
  })

  test('there are no attributes, and each that is wanted is a problem', (t) => {
    const directory = temporaryDirectory(t)
    assert.deepEqual(readXattrs(directory), [])
    assert.deepEqual(writeXattrs(directory, [], []), [])
    const problems = writeXattrs(directory, [{ name: 'user.a', value: new Uint8Array(1) }], [])
    assert.deepEqual(
      problems.map(({ name, error }) => [name, error.code]),
      [['user.a', 'unsupported']],
    )
  })

  test('times are set roughly', (t) => {
    const directory = temporaryDirectory(t)
    writeFileSync(`${directory}/file`, '')
    utimesSync(`${directory}/file`, 1_000_000_000, 5)
    symlinkSync('nowhere', `${directory}/link`)
    for (const name of ['file', 'link']) {
      for (const time of [1_732_000_000_123_456_789n, 0n, -1_500_000_000n]) {
        assert.equal(setTimes(`${directory}/${name}`, time), false)
        const difference = lstatSync(`${directory}/${name}`, { bigint: true }).mtimeNs - time
        assert.ok(difference > -2000n && difference < 2000n, `${time} became ${time + difference}`)
      }
    }
    assert.equal(lstatSync(`${directory}/file`).atimeMs, 1e12)
    assert.throws(() => setTimes(`${directory}/none`, 0n), { code: 'missing' })
  })

  test('no fifo is made', (t) => {
    assert.throws(() => makeFifo(`${temporaryDirectory(t)}/fifo`, 0o600), {
      code: 'unsupported',
      message: /koffi/,
    })
  })

  test('a sparse file is all data', (t) => {
    const fd = openSync(`${temporaryDirectory(t)}/file`, 'w+')
    assert.deepEqual([...dataExtents(fd, 12)], [{ start: 0, end: 12 }])
    assert.deepEqual([...dataExtents(fd, 0)], [])
    closeSync(fd)
  })

  test('descriptors are synced one by one', (t) => {
    const directory = temporaryDirectory(t)
    const synced: number[] = []
    function* opened(): Generator<number> {
      for (const name of ['a', 'b']) {
        const fd = openSync(`${directory}/${name}`, 'w')
        yield fd
        synced.push(fd)
        closeSync(fd)
      }
    }
    assert.equal(syncFileSystem(directory, opened()), false)
    assert.equal(synced.length, 2)
    assert.throws(() => syncFileSystem(directory, [9999]), { code: 'failed', message: /bad file descriptor/ })
  })

  test('a directory handle serves, however much it is used', (t) => {
    const directory = temporaryDirectory(t)
    writeFileSync(`${directory}/file`, 'x')
    const handle = openDirectory(directory)
    t.after(() => handle.close())
    for (let i = 0; i < 5000; i++) assert.equal(handle.stat('file')!.size, 1)
    symlinkSync('file', handle.path('link'))
    assert.throws(() => handle.open('link', 0), { code: 'conflict' })
    assert.equal(handle.raceFree, process.platform === 'linux')
  })
})
