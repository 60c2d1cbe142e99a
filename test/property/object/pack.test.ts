import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '../../../src/errors.ts'
import {
  blockHeaderSize,
  decodeBlockHeader,
  decodeChunkTable,
  encodeBlockHeader,
  encodeChunkTable,
  maxPlainLength,
} from '../../../src/object/block.ts'
import {
  checkPackHeader,
  decodePackFooter,
  decodePackTrailer,
  encodePackFooter,
  encodePackHeader,
  packHeaderSize,
  trailerSize,
} from '../../../src/object/pack.ts'
import { fuzz, ids } from '../../suites/arbitraries.ts'

const runs = { numRuns: 200 * fuzz }
const isCorrupt = (error: unknown): boolean => isTidemarkError(error, 'corrupt')

const headers = fc
  .tuple(fc.nat(3), fc.nat(maxPlainLength), fc.integer({ min: 4, max: maxPlainLength }))
  .map(([flags, storedLength, plainLength]) => ({ flags, storedLength, plainLength }))

const blocks = fc.array(
  fc
    .tuple(fc.nat(3), fc.nat(100_000), fc.array(fc.tuple(ids, fc.nat(100_000)), { maxLength: 9 }))
    .map(([flags, storedLength, chunks]) => ({
      flags,
      storedLength,
      plainLength: chunks.reduce((sum, [, length]) => sum + length, 4),
      chunks: chunks.map(([id, length]) => ({ id, length })),
    })),
  { maxLength: 9 },
)

suite('block codec', () => {
  test('decoding a header inverts encoding, whatever follows', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array(), (header, rest) => {
        const bytes = Buffer.concat([encodeBlockHeader(header), rest])
        assert.deepEqual(decodeBlockHeader(bytes), header)
      }),
      runs,
    )
  })

  test('a header with any one bit changed, or cut, is none', () => {
    fc.assert(
      fc.property(headers, fc.nat(8 * blockHeaderSize - 1), (header, bit) => {
        const bytes = encodeBlockHeader(header)
        bytes[bit >> 3]! ^= 1 << (bit & 7)
        assert.equal(decodeBlockHeader(bytes), undefined)
        assert.equal(decodeBlockHeader(encodeBlockHeader(header).subarray(0, bit >> 3)), undefined)
      }),
      runs,
    )
  })

  test('an impossible size is not believed', () => {
    const header = { flags: 0, storedLength: 100, plainLength: 100 }
    assert.ok(decodeBlockHeader(encodeBlockHeader(header)))
    for (const bad of [
      { plainLength: maxPlainLength + 1 },
      { storedLength: 2 ** 31 },
      { plainLength: 3 },
      { flags: 4 },
    ])
      assert.equal(decodeBlockHeader(encodeBlockHeader({ ...header, ...bad })), undefined)
  })

  test('a chunk table tells where each chunk stands', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { maxLength: 20 }), (lengths) => {
        const sum = lengths.reduce((sum, length) => sum + length, 0)
        const plain = Buffer.concat([new Uint8Array(sum), encodeChunkTable(lengths)])
        const table = decodeChunkTable(plain)
        assert.deepEqual(
          table.map(({ start, end }) => end - start),
          lengths,
        )
        assert.equal(table.at(-1)?.end ?? 0, sum)
        assert.throws(() => decodeChunkTable(Buffer.concat([Uint8Array.of(0), plain])), isCorrupt)
        if (sum > 0) assert.throws(() => decodeChunkTable(plain.subarray(1)), isCorrupt)
      }),
      runs,
    )
    assert.throws(() => decodeChunkTable(new Uint8Array(3)), isCorrupt)
    assert.throws(() => decodeChunkTable(Uint8Array.of(9, 0, 0, 0)), isCorrupt)
  })
})

suite('pack codec', () => {
  test('a footer gives back its blocks and where they stand', () => {
    fc.assert(
      fc.property(blocks, (blocks) => {
        const bytes = encodePackFooter(blocks)
        const { footerLength, crc } = decodePackTrailer(bytes.subarray(-trailerSize))
        assert.equal(footerLength, bytes.length - trailerSize)
        const body = blocks.reduce(
          (sum, { storedLength }) => sum + blockHeaderSize + storedLength,
          packHeaderSize,
        )
        const footer = bytes.subarray(0, footerLength)
        const decoded = decodePackFooter(footer, crc, body + bytes.length)
        assert.equal(decoded.length, blocks.length)
        let offset = packHeaderSize
        for (const [n, block] of decoded.entries()) {
          assert.deepEqual(block, { ...blocks[n], offset })
          offset += blockHeaderSize + block.storedLength
        }
        assert.throws(() => decodePackFooter(footer, crc, body + bytes.length + 1), isCorrupt)
        assert.throws(() => decodePackFooter(footer, crc ^ 1, body + bytes.length), isCorrupt)
      }),
      runs,
    )
  })

  test('a footer that no pack could have is refused', () => {
    const chunk = { id: '\x01'.repeat(32), length: 100 }
    const block = { flags: 0, storedLength: 105, plainLength: 105, chunks: [chunk] }
    const decode = (...blocks: (typeof block)[]): unknown => {
      const bytes = encodePackFooter(blocks)
      const body = blocks.reduce((sum, block) => sum + blockHeaderSize + block.storedLength, packHeaderSize)
      const { footerLength, crc } = decodePackTrailer(bytes.subarray(-trailerSize))
      return decodePackFooter(bytes.subarray(0, footerLength), crc, body + bytes.length)
    }
    assert.ok(decode(block, block))
    const refused = [
      { chunks: [chunk, chunk] },
      { flags: 4 },
      { plainLength: maxPlainLength + 1 },
      { plainLength: 99 },
    ]
    for (const bad of refused) assert.throws(() => decode(block, { ...block, ...bad }), isCorrupt)
  })

  test('a pack begins with its mark and its version', () => {
    const header = encodePackHeader(new Uint8Array(16).fill(7))
    assert.equal(header.length, packHeaderSize)
    checkPackHeader(header)
    for (let at = 0; at < 16; at++) {
      const bytes = Uint8Array.from(header)
      bytes[at]! ^= 1
      assert.throws(
        () => checkPackHeader(bytes),
        (error) => isTidemarkError(error, 'corrupt', 'unsupported'),
      )
    }
    assert.throws(() => checkPackHeader(header.subarray(0, 31)), isCorrupt)
    assert.throws(() => encodePackHeader(new Uint8Array(15)), RangeError)
  })

  test('a pack ends with its mark', () => {
    const trailer = encodePackFooter([]).slice(-trailerSize)
    assert.equal(decodePackTrailer(trailer).footerLength, 1)
    trailer[15]! ^= 1
    assert.throws(() => decodePackTrailer(trailer), isCorrupt)
    assert.throws(() => decodePackTrailer(trailer.subarray(0, 15)), isCorrupt)
  })
})
