import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { serveWeb } from '../../../src/cli/web-server.ts'
import { treeHandler } from '../../../src/server/tree-handler.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const content = 'content '.repeat(100_000)

async function serve(t: TestContext): Promise<{ root: string; url: string }> {
  const root = join(temporaryDirectory(t), 'tree')
  mkdirSync(join(root, 'a/b'), { recursive: true })
  mkdirSync(join(root, '.tidemark'))
  writeFileSync(join(root, '../secret'), 'secret')
  writeFileSync(join(root, '.tidemark/key'), 'secret')
  writeFileSync(join(root, 'a/b/file'), content)
  writeFileSync(Buffer.from(`${root}/\xff %2f`, 'latin1'), 'odd')
  writeFileSync(join(root, 'RECENT-1h.yaml'), 'index')
  symlinkSync('RECENT-1h.yaml', join(root, 'RECENT.recent'))
  symlinkSync('../secret', join(root, 'out'))
  symlinkSync('b', join(root, 'a/link'))
  const handler = treeHandler(root)
  const server = await serveWeb(handler, { host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await server.close()
    handler.close()
  })
  return { root, url: server.url }
}

/** What a client that asks for one thing after the other sees: status and text. */
async function get(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<[number, string]> {
  const response = await fetch(url, { headers, method })
  return [response.status, await response.text()]
}

const open = (): number => readdirSync('/proc/self/fd').length

suite('treeHandler', () => {
  test('gives files whole, in parts and under conditions', async (t) => {
    const { url } = await serve(t)
    const file = `${url}a/b/file`
    const first = await fetch(file)
    const tag = first.headers.get('etag')!
    const modified = first.headers.get('last-modified')!
    assert.equal(await first.text(), content)
    assert.match(tag, /^"[^"]+"$/)
    assert.deepEqual(await get(file, { range: 'bytes=8-15' }), [206, 'content '])
    assert.deepEqual(await get(file, { range: 'bytes=-4' }), [206, 'ent '])
    assert.deepEqual(await get(file, { range: `bytes=${content.length - 2}-` }), [206, 't '])
    assert.deepEqual(await get(file, { range: `bytes=${content.length}-` }), [416, ''])
    assert.deepEqual(await get(file, { range: 'bytes=0-1,3-4' }), [200, content])
    assert.deepEqual(await get(file, { range: 'bytes=5-2' }), [200, content])
    assert.deepEqual(await get(file, { range: 'bytes=0-3', 'if-range': tag }), [206, 'cont'])
    assert.deepEqual(await get(file, { range: 'bytes=0-3', 'if-range': '"other"' }), [200, content])
    assert.deepEqual(await get(file, { 'if-none-match': `"x", ${tag}` }), [304, ''])
    assert.deepEqual(await get(file, { 'if-none-match': '"x"' }), [200, content])
    assert.deepEqual(await get(file, { 'if-match': '"x"' }), [412, ''])
    assert.deepEqual(await get(file, { 'if-modified-since': modified }), [304, ''])
    assert.deepEqual(await get(file, { 'if-modified-since': 'never' }), [200, content])
    assert.deepEqual(await get(file, {}, 'POST'), [405, 'only GET and HEAD\n'])
    const head = await fetch(file, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(content.length)])
    assert.deepEqual(await get(`${url}%ff%20%252f`), [200, 'odd'])
  })

  test('gives nothing but regular files of the tree', async (t) => {
    const { url } = await serve(t)
    assert.deepEqual(await get(`${url}RECENT.recent`), [200, 'index'])
    for (const path of [
      '',
      'a',
      'a/b/',
      'a//b/file',
      'none',
      'a/b/file/x',
      'out',
      'a/link/file',
      '.tidemark/key',
      '..%2fsecret',
      '%2e%2e/secret',
      'a/..%2f..%2fsecret',
      'a/%00',
      '%',
      'x'.repeat(300),
    ]) {
      assert.deepEqual(await get(url + path), [404, 'not found\n'], path)
    }
  })

  test('lets a mirror wait for the next state of a file in the root', async (t) => {
    const { root, url } = await serve(t)
    const index = `${url}RECENT-1h.yaml`
    const tag = (await fetch(index)).headers.get('etag')!
    const headers = { 'if-none-match': tag, prefer: 'wait=30' }
    const waiting = Array.from({ length: 3 }, () => get(index, headers))
    let answered = 0
    for (const one of waiting) void one.then(() => answered++)
    await setTimeout(300)
    assert.equal(answered, 0)
    writeFileSync(join(root, 'new'), 'next')
    renameSync(join(root, 'new'), join(root, 'RECENT-1h.yaml'))
    for (const one of waiting) assert.deepEqual(await one, [200, 'next'])

    const now = (await fetch(index)).headers.get('etag')!
    const patient = await fetch(index, { headers: { 'if-none-match': now, prefer: 'wait=1' } })
    assert.equal(patient.status, 304)
    assert.equal(patient.headers.get('preference-applied'), 'wait=1')
    assert.deepEqual(await get(index, headers), [200, 'next'])
    assert.equal(
      (await fetch(index, { headers: { prefer: 'wait=30' } })).headers.get('preference-applied'),
      'wait=30',
    )
    assert.equal((await fetch(`${url}a/b/file`, { headers: { prefer: 'wait=30' } })).status, 200)
  })

  test('clients that hang up leave nothing open', async (t) => {
    const { url } = await serve(t)
    await get(`${url}a/b/file`)
    const before = open()
    const tag = (await fetch(`${url}RECENT-1h.yaml`)).headers.get('etag')!
    for (let n = 0; n < 20; n++) {
      const controller = new AbortController()
      const { signal } = controller
      const response = await fetch(`${url}a/b/file`, { signal })
      const reader = response.body!.getReader()
      await reader.read()
      const headers = { 'if-none-match': tag, prefer: 'wait=50' }
      const waiting = fetch(`${url}RECENT-1h.yaml`, { headers, signal })
      await setTimeout(5)
      controller.abort()
      await assert.rejects(waiting)
      await reader.read().catch(() => undefined)
    }
    for (let n = 0; n < 1200 && open() > before + 6; n++) await setTimeout(50)
    assert.ok(open() <= before + 6, `${open()} open, ${before} before`)
  })
})
