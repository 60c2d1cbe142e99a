import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError, type ErrorCode } from '../../../src/errors.ts'
import { Writer } from '../../../src/bytes/writer.ts'
import { idOf, writeId, type Id } from '../../../src/object/id.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { contentItems } from '../../../src/tree/content.ts'
import { readContent } from '../../../src/tree/read-content.ts'
import { CountingStore } from '../../suites/counting-store.ts'
import { fileEntry, plantFile } from '../../suites/plant.ts'
import { pattern } from '../../suites/bucket-suite.ts'

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(pieces))
}

async function rejects(promise: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isTidemarkError(error, code), String(error))
    assert.match(error.message, words)
    return true
  })
}

async function put(store: MemoryStore, bytes: Uint8Array): Promise<Id> {
  const id = idOf(bytes)
  await store.put(id, bytes)
  return id
}

/** A list node that says what one likes. */
function list(level: number, ...items: [length: number, id: Id][]): Uint8Array {
  const writer = new Writer().u8(0x11).u8(level)
  for (const [length, id] of items) writeId(writer.varint(2 * length), id)
  return writer.finish()
}

suite('readContent', () => {
  test('gives back chunks and holes, whole and in ranges', async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 50 }),
        fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 60_000, max: 200_000 })),
      ),
      { maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(), fc.nat(), async (pieces, a, b) => {
        const store = new MemoryStore()
        const file = await plantFile(store, 'f', pieces)
        const all = Buffer.concat(
          pieces.map((piece) => (typeof piece === 'number' ? Buffer.alloc(piece) : piece)),
        )
        assert.equal(Buffer.compare(await bytesOf(readContent(store, file)), all), 0)
        const [start, end] = [a % (all.length + 2), b % (all.length + 2)]
        const range = await bytesOf(readContent(store, file, { start, end }))
        assert.equal(Buffer.compare(range, all.subarray(start, Math.max(start, end))), 0)
      }),
      { numRuns: 100 },
    )
  })

  test('reads little of a long content for a small range', async () => {
    const inner = new MemoryStore()
    const chunks = Array.from({ length: 5000 }, (_, n) => pattern(100 + (n % 7)))
    const file = await plantFile(
      inner,
      'f',
      chunks.map((chunk, n) => Buffer.concat([chunk, Buffer.from(`${n}`)])),
    )
    const store = new CountingStore(inner)
    const start = Math.floor(file.size / 2)
    const found = await bytesOf(readContent(store, file, { start, end: start + 10 }))
    const whole = await bytesOf(readContent(inner, file))
    assert.equal(Buffer.compare(found, whole.subarray(start, start + 10)), 0)
    assert.ok(store.reads.length <= 5, `${store.reads.length} reads`)
  })

  test('holes come in bounded pieces, however long they are', async () => {
    const store = new MemoryStore()
    const file = await plantFile(store, 'f', [2 ** 50])
    let pieces = 0
    for await (const piece of readContent(store, file)) {
      assert.ok(piece.length <= 65_536 && piece.every((byte) => byte === 0))
      if (++pieces === 5) break
    }
    assert.equal(pieces, 5)
  })

  test('does not read far ahead', async () => {
    const inner = new MemoryStore()
    const file = await plantFile(
      inner,
      'f',
      Array.from({ length: 300 }, (_, n) => `chunk ${n}`),
    )
    const store = new CountingStore(inner)
    for await (const piece of readContent(store, file)) {
      assert.equal(Buffer.from(piece).toString(), 'chunk 0')
      break
    }
    assert.ok(store.reads.length <= 16, `${store.reads.length} reads`)
  })

  test('a chunk or list of another length than stated is corrupt', async () => {
    const store = new MemoryStore()
    const id = await put(store, pattern(10))
    const lists = [list(1, [10, id], [11, id]), list(1, [10, id]), list(1, [10, id], [10, id], [1, id])]
    await rejects(
      bytesOf(readContent(store, fileEntry('f', 11, { depth: 0, id }))),
      'corrupt',
      /has 10 bytes where 11/,
    )
    await rejects(
      bytesOf(readContent(store, fileEntry('f', 9, { depth: 0, id }))),
      'corrupt',
      /has 10 bytes where 9/,
    )
    for (const bytes of lists) {
      const file = fileEntry('f', 20, { depth: 1, id: await put(store, bytes) })
      await rejects(bytesOf(readContent(store, file)), 'corrupt', /adds up to/)
    }
    const good = await put(store, list(1, [10, id], [10, id]))
    assert.equal((await bytesOf(readContent(store, fileEntry('f', 20, { depth: 1, id: good })))).length, 20)
    const lying = await put(store, list(2, [21, good]))
    await rejects(
      bytesOf(readContent(store, fileEntry('f', 21, { depth: 2, id: lying }))),
      'corrupt',
      /adds up to 20 /,
    )
  })

  test('a list at the wrong level, or no list at all, is corrupt', async () => {
    const store = new MemoryStore()
    const id = await put(store, pattern(10))
    const good = await put(store, list(1, [10, id]))
    await rejects(
      bytesOf(readContent(store, fileEntry('f', 10, { depth: 2, id: good }))),
      'corrupt',
      /not a list of level 2/,
    )
    await rejects(
      bytesOf(readContent(store, fileEntry('f', 10, { depth: 1, id }))),
      'corrupt',
      /not a content list/,
    )
  })

  test('rejects missing for what was unreadable, and for a chunk that is gone', async () => {
    const store = new MemoryStore()
    await rejects(bytesOf(readContent(store, fileEntry('f', 5))), 'missing', /could not be read/)
    const gone = fileEntry('f', 5, { depth: 0, id: '\x01'.repeat(32) })
    await rejects(bytesOf(readContent(store, gone)), 'missing', /no chunk/)
    assert.equal((await bytesOf(readContent(store, fileEntry('f')))).length, 0)
  })

  test('can be cancelled', async () => {
    const store = new MemoryStore()
    const file = await plantFile(store, 'f', ['a', 'b', 'c'])
    await rejects(
      bytesOf(readContent(store, file, { signal: AbortSignal.abort() })),
      'cancelled',
      /cancelled/,
    )
  })
})

suite('contentItems', () => {
  test('says where each chunk and hole stands', async () => {
    const store = new MemoryStore()
    const file = await plantFile(store, 'f', ['one', 100, 'two'])
    const items = await Array.fromAsync(contentItems(store, file))
    assert.deepEqual(items, [
      { start: 0, length: 3, id: idOf(Buffer.from('one')) },
      { start: 3, length: 100, id: undefined },
      { start: 103, length: 3, id: idOf(Buffer.from('two')) },
    ])
    assert.deepEqual(await Array.fromAsync(contentItems(store, file, { start: 50, end: 60 })), [items[1]])
    assert.deepEqual(await Array.fromAsync(contentItems(store, file, { start: 3, end: 3 })), [])
  })
})
