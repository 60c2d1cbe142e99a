import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '../../../src/errors.ts'
import { idFromBytes, idToBytes, type Id } from '../../../src/object/id.ts'
import {
  chunkRecordSize,
  decodeSegmentHeader,
  fanoutSlot,
  segmentHeaderSize,
  type SegmentLayout,
} from '../../../src/object/segment.ts'
import { SegmentBuilder } from '../../../src/object/segment-builder.ts'
import { fuzz, ids } from '../../suites/arbitraries.ts'

const isCorrupt = (error: unknown): boolean => isTidemarkError(error, 'corrupt')

/** Ids close to each other, so that slots hold several and repeats are common. */
const closeIds = fc
  .tuple(ids, fc.nat(3))
  .map(([id, first]) => `${String.fromCharCode(first * 85)}\0${id.slice(2)}`)
const chunkLists = fc.array(fc.tuple(fc.oneof(ids, closeIds), fc.nat(1000), fc.nat(1000)), {
  maxLength: 300,
  size: 'max',
})

function layoutOf(bytes: Uint8Array): SegmentLayout {
  return decodeSegmentHeader(bytes.subarray(0, segmentHeaderSize), bytes.length)
}

/** Finds a chunk as a reader of the file would: fan-out table first, then the records of its slot. */
function find(bytes: Uint8Array<ArrayBuffer>, id: Id): number[] {
  const { chunksAt, fanoutAt, fanoutBits } = layoutOf(bytes)
  const view = new DataView(bytes.buffer)
  const slot = fanoutSlot(id, fanoutBits)
  const found: number[] = []
  for (
    let n = view.getUint32(fanoutAt + 4 * slot, true);
    n < view.getUint32(fanoutAt + 4 * slot + 4, true);
    n++
  ) {
    const at = chunksAt + n * chunkRecordSize
    if (idFromBytes(bytes, at) === id) found.push(n)
  }
  return found
}

function build(chunks: readonly (readonly [Id, number, number])[]): Uint8Array<ArrayBuffer> {
  const builder = new SegmentBuilder()
  const pack = builder.addPack('\x05'.repeat(32), 12_345)
  const block = builder.addBlock({ pack, offset: 32, storedLength: 10, plainLength: 20, flags: 1 })
  for (const [id, offset, length] of chunks) builder.addChunk(id, block, offset, length)
  assert.equal(builder.chunks, chunks.length)
  return builder.finish(['\x06'.repeat(32)])
}

suite('index segments', () => {
  test('hold each chunk once, in order, where the fan-out table says', () => {
    fc.assert(
      fc.property(chunkLists, ids, (chunks, absent) => {
        const all = [...chunks, ...chunks.slice(0, 3)]
        const bytes = build(all)
        const layout = layoutOf(bytes)
        const distinct = new Set(all.map(([id]) => id))
        assert.equal(layout.chunks, distinct.size)
        const stored = Array.from({ length: layout.chunks }, (_, n) =>
          idFromBytes(bytes, layout.chunksAt + n * chunkRecordSize),
        )
        assert.deepEqual(stored, [...distinct].toSorted())
        const view = new DataView(bytes.buffer)
        for (const id of distinct) {
          const [n, ...others] = find(bytes, id)
          assert.ok(n !== undefined && others.length === 0)
          const at = layout.chunksAt + n * chunkRecordSize + 32
          const record = [0, 4, 8].map((offset) => view.getUint32(at + offset, true))
          assert.ok(
            all.some(([other, offset, length]) => other === id && record.join() === `0,${offset},${length}`),
          )
        }
        if (!distinct.has(absent)) assert.deepEqual(find(bytes, absent), [])
        const last = layout.fanoutAt + 4 * 2 ** layout.fanoutBits
        assert.equal(view.getUint32(last, true), layout.chunks)
      }),
      { numRuns: 60 * fuzz },
    )
  })

  test('hold their packs, blocks and what they supersede', () => {
    const builder = new SegmentBuilder()
    const chunk = { id: '\x01'.repeat(32), length: 7 }
    const block = {
      flags: 1,
      storedLength: 10,
      plainLength: 20,
      chunks: [chunk, { ...chunk, id: '\x02'.repeat(32) }],
    }
    builder.addWholePack('\x03'.repeat(32), 500, [
      { ...block, offset: 32 },
      { ...block, offset: 62, chunks: [] },
    ])
    const bytes = builder.finish(['\x04'.repeat(32)])
    const layout = layoutOf(bytes)
    assert.deepEqual([layout.packs, layout.blocks, layout.chunks, layout.superseded], [1, 2, 2, 1])
    const view = new DataView(bytes.buffer)
    assert.equal(idFromBytes(bytes, layout.packsAt), '\x03'.repeat(32))
    assert.equal(view.getUint32(layout.packsAt + 32, true), 500)
    const numbers = Array.from({ length: 10 }, (_, n) => view.getUint32(layout.blocksAt + 4 * n, true))
    assert.deepEqual(numbers, [0, 32, 10, 20, 1, 0, 62, 10, 20, 1])
    const [second] = find(bytes, '\x02'.repeat(32))
    const record = [0, 4, 8].map((at) =>
      view.getUint32(layout.chunksAt + second! * chunkRecordSize + 32 + at, true),
    )
    assert.deepEqual(record, [0, 7, 7])
    assert.equal(idFromBytes(bytes, layout.supersededAt), '\x04'.repeat(32))
    assert.equal(layout.end, bytes.length)
  })

  test('of another size or with a damaged header are refused', () => {
    const bytes = build([])
    assert.throws(
      () => decodeSegmentHeader(bytes.subarray(0, segmentHeaderSize), bytes.length + 1),
      isCorrupt,
    )
    assert.throws(() => decodeSegmentHeader(bytes.subarray(0, 30), bytes.length), isCorrupt)
    for (let at = 0; at < 36; at++) {
      const damaged = bytes.slice(0, segmentHeaderSize)
      damaged[at]! ^= 0x10
      assert.throws(
        () => decodeSegmentHeader(damaged, bytes.length),
        (error) => isTidemarkError(error, 'corrupt', 'unsupported'),
      )
    }
  })
})

suite('ids', () => {
  test('go to bytes and back, and compare as their bytes do', () => {
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const bytes = new Uint8Array(70)
        idToBytes(a, bytes, 3)
        idToBytes(b, bytes, 35)
        assert.equal(idFromBytes(bytes, 3), a)
        assert.equal(a < b, Buffer.compare(bytes.subarray(3, 35), bytes.subarray(35, 67)) < 0)
      }),
    )
    assert.throws(() => idFromBytes(new Uint8Array(40), 9), RangeError)
  })
})
