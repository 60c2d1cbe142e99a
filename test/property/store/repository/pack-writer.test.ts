import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  decodePackFooter,
  decodePackTrailer,
  packHeaderSize,
  packId,
  trailerSize,
} from '../../../../src/object/pack.ts'
import { idOf } from '../../../../src/object/id.ts'
import { MemoryBucket } from '../../../../src/store/memory-bucket.ts'
import { PackWriter, type FinishedPack } from '../../../../src/store/repository/pack-writer.ts'
import { checkChunkTable, readBlock, readPackFooter } from '../../../../src/store/repository/pack-reader.ts'
import { packName } from '../../../../src/store/repository/place.ts'
import { salvagePack } from '../../../../src/store/repository/salvage.ts'
import { seededRandom } from '../../../suites/random.ts'

const runs = 40 * Number(process.env['TIDEMARK_FUZZ'] ?? 1)

function contentOf({ size, seed, plain }: { size: number; seed: number; plain: boolean }): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: size }, (_, n) => (plain ? (n % 64) + seed : random() * 256))
}

const contents = fc
  .array(
    fc.record({
      size: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200_000 })),
      seed: fc.nat(1000),
      plain: fc.boolean(),
    }),
    { maxLength: 25 },
  )
  .map((all) => [...new Map(all.map(contentOf).map((bytes) => [idOf(bytes), bytes])).values()])

suite('pack writer', () => {
  test('whatever chunks are put can be read back from the packs, by their footers and without', async () => {
    const property = fc.asyncProperty(
      contents,
      fc.integer({ min: 1000, max: 600_000 }),
      fc.boolean(),
      async (contents, size, metadata) => {
        const bucket = new MemoryBucket()
        const packs: FinishedPack[] = []
        const writer = new PackWriter(bucket, { metadata, size, onPack: (pack) => packs.push(pack) })
        for (const bytes of contents) await writer.add(idOf(bytes), bytes)
        await writer.flush()
        await writer.flush()

        const expected = new Set(contents.map((bytes) => idOf(bytes)))
        const found = new Set<string>()
        for (const pack of packs) {
          const stored = await bucket.get(packName(pack.id))
          assert.equal(packId(stored.subarray(0, packHeaderSize), pack.end), pack.id)
          assert.equal(stored.length, pack.size)
          const blocks = await readPackFooter(bucket, pack.id, pack.size)
          const { crc } = decodePackTrailer(pack.end.subarray(-trailerSize))
          assert.deepEqual(decodePackFooter(pack.end.subarray(0, -trailerSize), crc, pack.size), blocks)
          assert.ok(pack.size <= size || blocks.length === 1, 'only one block alone may be larger')
          for (const block of blocks) {
            const plain = await readBlock(bucket, pack.id, block)
            checkChunkTable(
              plain,
              block.chunks.map(({ length }) => length),
            )
            let start = 0
            for (const { id, length } of block.chunks) {
              assert.equal(idOf(plain.subarray(start, start + length)), id)
              assert.ok(!found.has(id), 'stored twice')
              found.add(id)
              start += length
            }
          }
          const salvaged = await Array.fromAsync(salvagePack(bucket, pack.id, pack.size))
          assert.deepEqual(
            salvaged.map(({ id }) => id),
            blocks.flatMap(({ chunks }) => chunks.map(({ id }) => id)),
          )
          assert.ok(salvaged.every((chunk) => chunk.metadata === metadata && idOf(chunk.bytes) === chunk.id))
        }
        assert.deepEqual(found, expected)
      },
    )
    await fc.assert(property, { numRuns: runs })
  })
})
