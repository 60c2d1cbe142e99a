import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { suite, test } from 'node:test'
import { parseAddress, serveWeb } from '../../../src/cli/web-server.ts'

suite('parseAddress', () => {
  test('takes a port, alone or with a host', () => {
    assert.deepEqual(parseAddress('8080'), { host: '127.0.0.1', port: 8080 })
    assert.deepEqual(parseAddress(':8080'), { host: '127.0.0.1', port: 8080 })
    assert.deepEqual(parseAddress('0.0.0.0:1'), { host: '0.0.0.0', port: 1 })
    assert.deepEqual(parseAddress('example.org:65535'), { host: 'example.org', port: 65_535 })
    assert.deepEqual(parseAddress('[::1]:80'), { host: '::1', port: 80 })
  })

  test('refuses anything else', () => {
    for (const text of ['', 'host', 'host:', '65536', '::1:80', '-1', '80x', 'a:b:80']) {
      assert.throws(() => parseAddress(text), { code: 'usage' }, text)
    }
  })
})

suite('serveWeb', () => {
  test('carries bodies both ways, and survives a handler that fails', async (t) => {
    const server = await serveWeb(
      async (request) => {
        if (request.url.endsWith('/fail')) throw new Error('a secret')
        return new Response(await request.arrayBuffer(), {
          status: 201,
          headers: { 'x-method': request.method },
        })
      },
      { host: '127.0.0.1', port: 0 },
    )
    t.after(() => server.close())
    const body = new Uint8Array(300_000).fill(7)
    const response = await fetch(server.url, { method: 'POST', body })
    assert.equal(response.status, 201)
    assert.equal(response.headers.get('x-method'), 'POST')
    assert.deepEqual(new Uint8Array(await response.arrayBuffer()), body)
    const failed = await fetch(`${server.url}fail`)
    assert.equal(failed.status, 500)
    assert.equal(await failed.text(), 'internal error\n')
    const head = await fetch(server.url, { method: 'HEAD' })
    assert.equal(head.status, 201)
  })

  test('survives clients that hang up and that speak nonsense', async (t) => {
    const server = await serveWeb(async () => new Response(new Uint8Array(5_000_000)), {
      host: '127.0.0.1',
      port: 0,
    })
    t.after(() => server.close())
    for (const said of [
      'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
      'GET //[ HTTP/1.1\r\nhost: x\r\n\r\n',
      'what?\r\n\r\n',
    ]) {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
      await once(socket, 'connect')
      socket.on('error', () => {})
      socket.write(said)
      await once(socket, 'data')
      socket.destroy()
    }
    assert.equal((await fetch(server.url)).status, 200)
  })
})
