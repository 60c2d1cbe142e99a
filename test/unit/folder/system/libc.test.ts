import assert from 'node:assert/strict'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { isTidemarkError } from '../../../../src/errors.ts'
import { callFailed, cString, libc } from '../../../../src/folder/system/libc.ts'
import { requireTool } from '../../../require.ts'

suite('libc', () => {
  test('is loaded once', () => {
    assert.equal(libc(), libc())
  })

  test('serves several threads at once, each with errors of its own', async (t) => {
    if (!requireTool(t, libc() !== undefined, 'needs koffi')) return
    const module = new URL('../../../../src/folder/system/', import.meta.url).href
    const source = (path: string): string => `
      import { parentPort } from 'node:worker_threads'
      import { readXattrs } from '${module}xattrs.ts'
      const codes = new Set()
      for (let i = 0; i < 2000; i++) {
        try { readXattrs('${path}'); codes.add('none') } catch (error) { codes.add(error.cause.code) }
      }
      parentPort.postMessage([...codes])`
    const answers = ['/', '/dev/null/x', '/none'].map(async (path) => {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source(path))}`))
      const [codes] = (await once(worker, 'message')) as [string[]]
      return codes
    })
    assert.deepEqual(await Promise.all(answers), [['none'], ['ENOTDIR'], ['ENOENT']])
  })

  test('a failed call is told as Node would tell it', () => {
    const error = callFailed('make', 2, Buffer.from([0x2f, 0xff]))
    assert.ok(isTidemarkError(error, 'missing'))
    assert.equal(error.message, 'make /\\xff: no such file or directory')
    assert.deepEqual({ ...(error.cause as object) }, { code: 'ENOENT', errno: -2 })
    assert.equal(callFailed('read', 28, 7).code, 'full')
    assert.equal(callFailed('read', 4095, 7).code, 'failed')
  })

  test('takes strings without a NUL, and ends bytes with one', () => {
    assert.equal(cString('/ü'), '/ü')
    assert.deepEqual(cString('\udcff'), Buffer.from([0xff, 0]))
    assert.throws(() => cString('a\0b'), { code: 'usage' })
    assert.throws(() => cString(Buffer.from([0x61, 0, 0x62])), { code: 'usage' })
  })
})
