import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { isTidemarkError } from '../../../../src/errors.ts'
import { idOf, type Id } from '../../../../src/object/id.ts'
import { SegmentBuilder } from '../../../../src/object/segment-builder.ts'
import type { Bucket } from '../../../../src/store/bucket.ts'
import { DirectoryBucket } from '../../../../src/store/directory-bucket.ts'
import { MemoryBucket } from '../../../../src/store/memory-bucket.ts'
import { ChunkIndex } from '../../../../src/store/repository/chunk-index.ts'
import { compactIndex, dropPacks } from '../../../../src/store/repository/compaction.ts'
import { segmentName } from '../../../../src/store/repository/place.ts'
import { flip, namesIn, rewrite } from '../../../suites/damage.ts'
import { FaultyBucket } from '../../../suites/faulty-bucket.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

const chunk = (n: number): Id => idOf(new TextEncoder().encode(`chunk ${n}`))
const pack = (n: number): Id => idOf(new TextEncoder().encode(`pack ${n}`))

/** A segment about one pack, which holds chunks `from` up to `to`. */
function segmentOf(packNumber: number, from: number, to: number, superseded: readonly Id[] = []): Uint8Array {
  const builder = new SegmentBuilder()
  const chunks = Array.from({ length: to - from }, (_, n) => ({ id: chunk(from + n), length: 10 }))
  const header = { flags: 0, storedLength: 1000, plainLength: 1000, offset: 32 }
  builder.addWholePack(pack(packNumber), 2000, [{ ...header, chunks }])
  return builder.finish(superseded)
}

async function put(bucket: Bucket, segment: Uint8Array): Promise<Id> {
  await bucket.put(segmentName(idOf(segment)), segment)
  return idOf(segment)
}

async function load(bucket: Bucket): Promise<ChunkIndex> {
  const index = new ChunkIndex(bucket)
  await index.refresh()
  return index
}

type MakeBucket = (t: TestContext) => Bucket
const makers: readonly (readonly [string, MakeBucket])[] = [
  ['memory', () => new MemoryBucket()],
  ['directory', (t) => new DirectoryBucket(temporaryDirectory(t), { durable: false })],
]

for (const [kind, make] of makers) {
  suite(`chunk index in a bucket of kind ${kind}`, () => {
    test('finds every chunk, and no other', async (t) => {
      const bucket = make(t)
      await put(bucket, segmentOf(1, 0, 2000))
      await put(bucket, segmentOf(2, 2000, 2003))
      const index = await load(bucket)
      for (let n = 0; n < 2003; n++) {
        const found = index.find(chunk(n))
        assert.equal(found?.pack, pack(n < 2000 ? 1 : 2))
        assert.equal(found?.offset, (n < 2000 ? n : n - 2000) * 10)
      }
      assert.equal(index.find(chunk(2003)), undefined)
      assert.equal(index.chunks, 2003)
      index.close()
    })

    test('takes in what is published and lets go of what is replaced', async (t) => {
      const bucket = make(t)
      const old = await put(bucket, segmentOf(1, 0, 10))
      const index = await load(bucket)
      await put(bucket, segmentOf(2, 0, 20, [old]))
      assert.equal(index.find(chunk(15)), undefined)
      await index.refresh()
      assert.equal(index.find(chunk(5))?.pack, pack(2))
      assert.deepEqual(index.stale, [old])
      assert.equal(index.segments.length, 1)
      await bucket.delete(segmentName(old))
      await index.refresh()
      assert.deepEqual(index.stale, [])
      index.close()
    })

    test('a superseded segment does not come back when the one that replaced it is replaced', async (t) => {
      const bucket = make(t)
      const old = await put(bucket, segmentOf(1, 0, 10))
      // Whoever replaced it was killed before it could delete it.
      await put(bucket, segmentOf(2, 0, 10, [old]))
      for (let n = 0; n < 8; n++) await put(bucket, segmentOf(10 + n, 100 + n, 101 + n))
      const index = await load(bucket)
      await compactIndex(bucket, index, new Set())
      index.close()
      const anew = await load(bucket)
      assert.equal(anew.segments.length, 1)
      assert.equal(anew.find(chunk(5), new Set([pack(2)])), undefined)
      anew.close()
    })

    test('goes on when a segment vanishes between the listing and its opening', async (t) => {
      const bucket = make(t)
      const old = await put(bucket, segmentOf(1, 0, 10))
      const merged = segmentOf(2, 0, 20, [old])
      // The listing still shows the old one, which another process has merged by then.
      let hits = 0
      const racing: Bucket = {
        get: (name, options) => bucket.get(name, options),
        put: (name, bytes, options) => bucket.put(name, bytes, options),
        delete: (name, options) => bucket.delete(name, options),
        list: async function* (prefix) {
          const listed = await Array.fromAsync(bucket.list(prefix))
          if (hits++ === 0) {
            await put(bucket, merged)
            await bucket.delete(segmentName(old))
          }
          yield* listed
        },
      }
      const index = await load(racing)
      assert.equal(index.find(chunk(15))?.pack, pack(2))
      index.close()
    })

    test('a publication is not undone by a refresh that began before it', async (t) => {
      const bucket = make(t)
      await put(bucket, segmentOf(1, 0, 10))
      const index = await load(bucket)
      await Promise.all([
        index.refresh(),
        index.publish(segmentOf(2, 10, 20)),
        index.refresh(),
        index.publish(segmentOf(3, 20, 30)),
      ])
      for (const n of [5, 15, 25]) assert.ok(index.find(chunk(n)), `chunk ${n}`)
      assert.equal(index.segments.length, 3)
      index.close()
    })

    test('refreshes asked for at once open each segment once', async (t) => {
      const bucket = make(t)
      for (let n = 0; n < 5; n++) await put(bucket, segmentOf(n, n, n + 1))
      const index = new ChunkIndex(bucket)
      await Promise.all(Array.from({ length: 20 }, () => index.refresh()))
      assert.equal(index.segments.length, 5)
      index.close()
    })

    test('says corrupt of a damaged segment, or goes on without it when asked to', async (t) => {
      const bucket = make(t)
      const good = await put(bucket, segmentOf(1, 0, 10))
      const bad = await put(bucket, segmentOf(2, 10, 20))
      await rewrite(bucket, segmentName(bad), flip(9))
      await assert.rejects(load(bucket), (error) => isTidemarkError(error, 'corrupt'))
      const damaged: Id[] = []
      const index = new ChunkIndex(bucket, { onDamaged: (id) => damaged.push(id) })
      await index.refresh()
      assert.deepEqual(damaged, [bad])
      assert.deepEqual(
        index.segments.map(({ id }) => id),
        [good],
      )
      index.close()
    })

    test('merges many small segments into one, of which nothing is lost', async (t) => {
      const bucket = make(t)
      for (let n = 0; n < 20; n++) await put(bucket, segmentOf(n, n * 5, n * 5 + 10))
      const index = await load(bucket)
      await compactIndex(bucket, index, new Set())
      assert.equal(index.segments.length, 1)
      assert.equal((await namesIn(bucket, 'index/')).length, 1)
      for (let n = 0; n < 105; n++) assert.ok(index.find(chunk(n)))
      assert.equal(index.segments[0]!.tables().packs.length, 20)
      index.close()
    })

    test('leaves segments alone that name condemned packs', async (t) => {
      const bucket = make(t)
      for (let n = 0; n < 10; n++) await put(bucket, segmentOf(n, n, n + 1))
      const index = await load(bucket)
      await compactIndex(bucket, index, new Set([pack(3), pack(4)]))
      assert.equal(index.segments.length, 3)
      assert.ok(index.find(chunk(3)))
      index.close()
    })

    test('drops packs, with the chunks that are nowhere else', async (t) => {
      const bucket = make(t)
      await put(bucket, segmentOf(1, 0, 10))
      await put(bucket, segmentOf(2, 5, 15))
      await put(bucket, segmentOf(3, 100, 101))
      const index = await load(bucket)
      await dropPacks(bucket, index, new Set([pack(1)]))
      for (const reader of [index, await load(bucket)]) {
        assert.equal(reader.find(chunk(2)), undefined)
        assert.equal(reader.find(chunk(7))?.pack, pack(2))
        assert.equal(reader.segments.length, 2)
      }
      await dropPacks(bucket, index, new Set([pack(2), pack(3)]))
      assert.deepEqual(await namesIn(bucket, 'index/'), [])
    })
  })
}

suite('chunk index', () => {
  test('one caller giving up does not make the others fail', async () => {
    const memory = new MemoryBucket()
    await put(memory, segmentOf(1, 0, 10))
    const bucket = new FaultyBucket(memory, ({ number }) => (number === 0 ? { kind: 'hang' } : undefined))
    const index = new ChunkIndex(bucket)
    const controller = new AbortController()
    const first = index.refresh({ signal: controller.signal })
    const second = index.refresh()
    controller.abort()
    await assert.rejects(first, (error) => isTidemarkError(error, 'cancelled'))
    await second
    assert.ok(index.find(chunk(5)))
    index.close()
  })

  test('avoids packs when asked to', async () => {
    const bucket = new MemoryBucket()
    await put(bucket, segmentOf(1, 0, 10))
    await put(bucket, segmentOf(2, 5, 10))
    const index = await load(bucket)
    assert.equal(index.find(chunk(7), new Set([pack(1)]))?.pack, pack(2))
    assert.equal(index.find(chunk(7), new Set([pack(2)]))?.pack, pack(1))
    assert.equal(index.find(chunk(7), new Set([pack(1), pack(2)])), undefined)
    index.close()
  })
})
