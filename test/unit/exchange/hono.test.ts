import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hono } from 'hono'
import { pull, RemoteSet, ServedIndex, setHandler } from '../../../src/exchange/index.ts'
import { bytesOf, indexOf, textOf, texts } from './served.ts'

test('the handler is a route of Hono as it is, and of whatever takes a Request and gives a Response', async () => {
  const handler = setHandler(new ServedIndex(await indexOf(texts(0, 3000)), bytesOf))
  const app = new Hono()
  app.get('/', (context) => context.text('hello'))
  app.all('/sets/names/*', (context) => handler(context.req.raw))

  const fetch = (url: string, init: RequestInit): Promise<Response> => Promise.resolve(app.request(url, init))
  const remote = new RemoteSet('http://app.test/sets/names', { fetch })
  const local = await indexOf(texts(7, 3002))
  const difference = await pull(local, remote)
  assert.deepEqual(difference.added.map(textOf).toSorted(), texts(0, 7).toSorted())
  assert.deepEqual(difference.removed.map((entry) => local.item(entry)).toSorted(), texts(3000, 3002))
  assert.equal(difference.proven, true)
  assert.equal(await (await app.request('http://app.test/')).text(), 'hello')
})
