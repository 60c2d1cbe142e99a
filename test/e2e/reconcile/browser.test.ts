import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { chromium } from 'playwright-core'
import { serveWeb } from '../../../src/cli/web-server.ts'
import { acceptInto, indexItems, ServedIndex, setHandler } from '../../../src/exchange/index.ts'
import { summarizeItems, summaryHandler, textSerializer } from '../../../src/mathsync/index.ts'
import { requireTool } from '../../require.ts'

const program = '/usr/bin/chromium'
const source = new URL('../../../src/', import.meta.url)
const bytesOf = textSerializer()

function texts(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => `key${from + at}:value${from + at}`)
}

/** What the page tells; see browser-page.js. */
interface Told {
  wasm: boolean
  live: { added: number; removed: number; way: string; cost: { requests: number; bytesReceived: number } }
  streamed: number[]
  old: number[]
  after: string
}

/** The library as a browser gets it: the same files with their types taken out. */
function script(path: string): Response {
  if (path === '/page.js')
    return javaScript(readFileSync(new URL('browser-page.js', import.meta.url), 'utf8'))
  const file = new URL(path.replace(/^\/src\//, '').replace(/\.[jt]s$/, '.ts'), source)
  if (!file.href.startsWith(source.href) || !existsSync(file)) return new Response(null, { status: 404 })
  return javaScript(stripTypeScriptTypes(readFileSync(file, 'utf8')))
}

function javaScript(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'text/javascript' } })
}

/** What a page may load. */
const rooms = /^\/page\.js$|^\/src\/(errors\.ts$|(reconcile|exchange|mathsync|bytes)\/)/

suite('in a browser', () => {
  test('the library runs as it is, against a live endpoint', async (t) => {
    if (!requireTool(t, existsSync(program), 'Chromium is not installed')) return
    const index = await indexItems(texts(0, 3030), { serialize: bytesOf })
    const set = setHandler(new ServedIndex(index, bytesOf), {
      accept: acceptInto(index, { deserialize: (bytes) => Buffer.from(bytes).toString() }),
    })
    const summary = summaryHandler(summarizeItems(texts(45, 105), { serialize: bytesOf }))
    const asked: string[] = []
    const server = await serveWeb(
      async (request) => {
        const { pathname } = new URL(request.url)
        if (/\.[jt]s$/.test(pathname)) {
          asked.push(pathname)
          return script(pathname)
        }
        if (pathname.startsWith('/set/')) return set(request)
        if (pathname.startsWith('/summary/')) return summary(request)
        return new Response('<!doctype html><title>sets</title>', {
          headers: { 'content-type': 'text/html' },
        })
      },
      { host: '127.0.0.1', port: 0 },
    )
    const profile = mkdtempSync(join(tmpdir(), 'tidemark-chromium-'))
    const browser = await chromium.launchPersistentContext(profile, {
      executablePath: program,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    t.after(async () => {
      await browser.close()
      await server.close()
      rmSync(profile, { recursive: true, force: true })
    })
    const page = await browser.newPage()
    await page.goto(server.url)
    const told = await page.evaluate<Told>("import('/page.js').then((page) => page.run())")
    assert.equal(told.wasm, true)
    const { cost, ...live } = told.live
    assert.deepEqual(live, { added: 40, removed: 10, way: 'sketch' })
    assert.equal(cost.requests, 2)
    assert.ok(cost.bytesReceived < 4000, `${cost.bytesReceived} bytes`)
    assert.deepEqual(told.streamed, [40, 10])
    assert.deepEqual(told.old, [5, 5])
    assert.equal(told.after, 'equal')
    assert.equal(index.size, 3000)
    // Nothing but these rooms is needed.
    assert.ok(
      asked.every((path) => rooms.test(path)),
      asked.join(),
    )
  })
})
