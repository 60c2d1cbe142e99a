import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { idOf, type Id } from '../../../../src/object/id.ts'
import { SegmentBuilder } from '../../../../src/object/segment-builder.ts'
import { DirectoryBucket } from '../../../../src/store/directory-bucket.ts'
import { segmentName } from '../../../../src/store/repository/place.ts'
import { SegmentFile } from '../../../../src/store/repository/segment-file.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

const encoder = new TextEncoder()
const chunk = (n: number): Id => idOf(encoder.encode(`chunk ${n}`))
const pack = (n: number): Id => idOf(encoder.encode(`pack ${n}`))
const chunksPerBlock = 100

/** A segment in which each pack has one block. */
function bytesOf(chunks: number): Uint8Array {
  const builder = new SegmentBuilder()
  for (let from = 0; from < chunks; from += chunksPerBlock) {
    const number = from / chunksPerBlock
    const list = Array.from({ length: Math.min(chunksPerBlock, chunks - from) }, (_, n) => ({
      id: chunk(from + n),
      length: 10 + n,
    }))
    const header = { flags: 0, storedLength: 9000, plainLength: 9000, offset: 32 + number }
    builder.addWholePack(pack(number), 10_000 + number, [{ ...header, chunks: list }])
  }
  return builder.finish()
}

/** What the segment must say of a chunk, whether it is read from the file or from a copy. */
function checkChunk(segment: SegmentFile, n: number): void {
  const record = segment.find(chunk(n))
  assert.ok(record)
  const [number, place] = [Math.floor(n / chunksPerBlock), n % chunksPerBlock]
  assert.deepEqual([record.offset, record.length], [10 * place + (place * (place - 1)) / 2, 10 + place])
  const block = segment.block(record.block)
  assert.equal(block.offset, 32 + number)
  assert.deepEqual(segment.pack(block.pack), { id: pack(number), size: 10_000 + number })
}

suite('an index segment', () => {
  // 0.5 MiB are copied at once, 8 MiB when they have been asked often enough, more never.
  for (const chunks of [1, 5000, 20_000, 200_000]) {
    test(`of ${chunks} chunks says the same however often it is asked`, () => {
      const segment = SegmentFile.fromBytes(bytesOf(chunks))
      const step = Math.ceil(chunks / 1000)
      for (let n = 0; n < chunks; n += step) checkChunk(segment, n)
      for (let n = 0; n < chunks; n += step) checkChunk(segment, n)
      for (let n = chunks; n < chunks + 1000; n++) assert.equal(segment.find(chunk(n)), undefined)
      segment.close()
    })
  }

  for (const chunks of [20, 20_000, 200_000]) {
    test(`of ${chunks} chunks says the same in another thread, from the same copy if there is one`, async (t) => {
      const root = temporaryDirectory(t)
      const bucket = new DirectoryBucket(root, { durable: false })
      const bytes = bytesOf(chunks)
      const id = idOf(bytes)
      await bucket.put(segmentName(id), bytes)
      const segment = await SegmentFile.open(bucket, id)
      const shared = segment.share()
      assert.equal(shared.copy?.byteLength, chunks > 100_000 ? undefined : bytes.length)
      assert.equal(segment.share().copy, shared.copy)
      const other = SegmentFile.attach(shared, root)
      assert.ok(other)
      for (const one of [segment, other]) {
        for (let n = 0; n < chunks; n += Math.ceil(chunks / 100)) checkChunk(one, n)
        assert.equal(one.find(chunk(chunks)), undefined)
        one.close()
      }
    })
  }
})
