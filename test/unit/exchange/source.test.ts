import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { suite, test } from 'node:test'
import { indexItems, itemsOf, reconcile, type Source } from '../../../src/exchange/index.ts'
import { bytesOf, serve, textOf, texts } from './served.ts'

const items = texts(0, 50)

function* generate(): Generator<string> {
  yield* items
}

async function* generateLater(): AsyncGenerator<string> {
  for (const item of items) yield await Promise.resolve(item)
}

// oxlint-disable-next-line require-yield
function* failing(): Generator<string> {
  throw new Error('no more')
}

function refuse(): Uint8Array {
  throw new Error('not serialisable')
}

const sources: Record<string, () => Source<string>> = {
  array: () => items,
  set: () => new Set(items),
  generator: generate,
  'async generator': generateLater,
  'function of a generator': () => generate,
  'function of an async generator': () => generateLater,
  'Web stream': () => ReadableStream.from(items),
  'Node stream': () => Readable.from(items),
}

suite('sources', () => {
  for (const [name, source] of Object.entries(sources)) {
    test(`${name}: all items, and reconciled`, async () => {
      assert.deepEqual(await Array.fromAsync(itemsOf(source())), items)
      const { fetch } = await serve(texts(3, 53))
      const { added, removed } = await reconcile({
        local: source(),
        remote: 'http://set.test/',
        fetch,
        serialize: bytesOf,
        deserialize: textOf,
      })
      assert.deepEqual(added.toSorted(), texts(50, 53))
      assert.deepEqual(removed.toSorted(), texts(0, 3))
    })
  }

  test('repeated items count once', async () => {
    const index = await indexItems([...items, ...items], { serialize: bytesOf })
    assert.equal(index.size, 50)
  })

  test('a failing source and a failing serialiser reject with their own error', async () => {
    await assert.rejects(indexItems(failing, { serialize: bytesOf }), /no more/)
    await assert.rejects(indexItems(items, { serialize: refuse }), /not serialisable/)
  })

  test('an endless source ends when it is cancelled', async () => {
    const stop = new AbortController()
    async function* endless(): AsyncGenerator<string> {
      for (let at = 0; ; at++) {
        if (at === 100) stop.abort()
        yield `${at}`
        await Promise.resolve()
      }
    }
    await assert.rejects(indexItems(endless, { serialize: bytesOf, signal: stop.signal }), {
      code: 'cancelled',
    })
  })
})
