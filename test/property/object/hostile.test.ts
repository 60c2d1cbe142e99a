import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { Reader } from '../../../src/bytes/reader.ts'
import { Writer } from '../../../src/bytes/writer.ts'
import { nameToBytes } from '../../../src/bytes/name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { crc32 } from '../../../src/hash/crc32.ts'
import {
  decodeBlockHeader,
  decodeChunkTable,
  encodeBlockHeader,
  encodeChunkTable,
} from '../../../src/object/block.ts'
import { decodeConfig, encodeConfig } from '../../../src/object/config.ts'
import { buildContent, decodeList } from '../../../src/object/content.ts'
import type { Entry } from '../../../src/object/entry.ts'
import { decodeEntry, encodeEntry } from '../../../src/object/entry-codec.ts'
import { idOf, writeId } from '../../../src/object/id.ts'
import {
  decodePackFooter,
  decodePackTrailer,
  encodePackFooter,
  packHeaderSize,
  trailerSize,
} from '../../../src/object/pack.ts'
import { decodeSegmentHeader, segmentHeaderSize } from '../../../src/object/segment.ts'
import { SegmentBuilder } from '../../../src/object/segment-builder.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../src/object/snapshot.ts'
import { buildNodes, buildLeaves, decodeLeaf, decodeNode } from '../../../src/object/tree.ts'
import { contentItems, entries, fuzz, ids, names, snapshots } from '../../suites/arbitraries.ts'
import { mutate } from '../../suites/mutations.ts'
import { seededRandom } from '../../suites/random.ts'

const seed = Number(process.env['TIDEMARK_SEED'] ?? 1)
const runs = 3000 * fuzz

interface Codec {
  /** Valid encodings to start from. */
  readonly samples: readonly Uint8Array[]
  /** Decodes; returns the encoding of what was decoded, where there is just one. */
  readonly decode: (bytes: Uint8Array) => Uint8Array | undefined
  /** Mends checksums, so that the mutation gets past them. */
  readonly mend?: (bytes: Uint8Array<ArrayBuffer>) => void
}

function sample<T>(arbitrary: fc.Arbitrary<T>, numRuns = 100): T[] {
  return fc.sample(arbitrary, { numRuns, seed })
}

function encodeOne(entry: Entry): Uint8Array {
  const writer = new Writer()
  encodeEntry(writer, entry)
  return writer.finish()
}

const sortedEntries = fc
  .uniqueArray(entries, { selector: ({ name }) => name, maxLength: 6, minLength: 1 })
  .map((list) => list.toSorted((a, b) => Buffer.compare(nameToBytes(a.name), nameToBytes(b.name))))

function nodesOf(emitAll: (emit: (bytes: Uint8Array) => string) => void): Uint8Array[] {
  const nodes: Uint8Array[] = []
  emitAll((bytes) => {
    nodes.push(bytes)
    return idOf(bytes)
  })
  return nodes
}

const treeLines = fc
  .uniqueArray(names, { minLength: 2, maxLength: 8 })
  .map((names) => names.toSorted((a, b) => Buffer.compare(nameToBytes(a), nameToBytes(b))))
  .chain((names) =>
    fc.tuple(
      ...names.map((first) =>
        fc.record({ first: fc.constant(first), id: ids, count: fc.integer({ min: 1, max: 9999 }) }),
      ),
    ),
  )

const packBlocks = fc.array(
  fc
    .tuple(fc.nat(3), fc.nat(5000), fc.array(fc.record({ id: ids, length: fc.nat(300) }), { maxLength: 4 }))
    .map(([flags, storedLength, chunks]) => {
      const plainLength = chunks.reduce((sum, { length }) => sum + length, 4 + chunks.length)
      return { flags, storedLength, plainLength, chunks }
    }),
  { maxLength: 5 },
)
const footers = sample(packBlocks).map((blocks) => encodePackFooter(blocks))

const codecs: Readonly<Record<string, Codec>> = {
  entry: {
    samples: sample(entries, 300).map(encodeOne),
    decode: (bytes) => {
      const reader = new Reader(bytes, 'entry')
      const entry = decodeEntry(reader)
      reader.end()
      return encodeOne(entry)
    },
  },
  leaf: {
    samples: sample(sortedEntries).flatMap((entries) => [...buildLeaves(entries)].map(({ bytes }) => bytes)),
    decode: (bytes) => {
      const entries = decodeLeaf(bytes)
      assert.ok(entries.length <= bytes.length / 14)
      return Buffer.concat([Uint8Array.of(0x21), ...entries.map(encodeOne)])
    },
  },
  node: {
    samples: sample(treeLines).flatMap((lines) => nodesOf((emit) => buildNodes(lines, emit))),
    decode: (bytes) => {
      const level = bytes[1] ?? 1
      const writer = new Writer().u8(0x22).u8(level)
      for (const { id, count, first } of decodeNode(bytes, level)) {
        writeId(writer, id)
        writer.varint(count).prefixed(nameToBytes(first))
      }
      return writer.finish()
    },
  },
  'content list': {
    samples: sample(contentItems).flatMap((items) => nodesOf((emit) => buildContent(items, emit))),
    decode: (bytes) => {
      const level = bytes[1] ?? 1
      const writer = new Writer().u8(0x11).u8(level)
      for (const { id, length } of decodeList(bytes, level)) {
        writer.varint(length * 2 + (id === undefined ? 1 : 0))
        if (id !== undefined) writeId(writer, id)
      }
      return writer.finish()
    },
  },
  snapshot: {
    samples: sample(snapshots).map(encodeSnapshot),
    decode: (bytes) => encodeSnapshot(decodeSnapshot(bytes)),
  },
  'pack footer': {
    samples: footers.map((footer) => footer.slice(0, -trailerSize)),
    decode: (bytes) => {
      // The size is not part of the footer: here it is what the blocks add up to, if they can be read at all.
      const blocks = decodeFooterOfAnySize(bytes)
      return encodePackFooter(blocks).slice(0, -trailerSize)
    },
  },
  'pack trailer': {
    samples: footers.map((footer) => footer.slice(-trailerSize)),
    decode: (bytes) => {
      const { footerLength, crc } = decodePackTrailer(bytes)
      const magic = bytes.subarray(8)
      return new Writer().u32(footerLength).u32(crc).raw(magic).finish()
    },
  },
  'block header': {
    samples: sample(packBlocks).flatMap((blocks) => blocks.map(encodeBlockHeader)),
    mend: (bytes) => mendCrc(bytes, 16),
    decode: (bytes) => {
      const header = decodeBlockHeader(bytes)
      if (header === undefined) return undefined
      assert.deepEqual(encodeBlockHeader(header), Uint8Array.from(bytes.subarray(0, 20)))
      return undefined
    },
  },
  'chunk table': {
    samples: sample(fc.array(fc.nat(300), { maxLength: 6 })).map((lengths) => {
      const sum = lengths.reduce((sum, length) => sum + length, 0)
      return Buffer.concat([new Uint8Array(sum), encodeChunkTable(lengths)])
    }),
    decode: (bytes) => {
      const table = decodeChunkTable(bytes)
      const end = table.at(-1)?.end ?? 0
      return Buffer.concat([
        bytes.subarray(0, end),
        encodeChunkTable(table.map(({ start, end }) => end - start)),
      ])
    },
  },
  'segment header': {
    samples: sample(packBlocks).map((blocks) => {
      const builder = new SegmentBuilder()
      builder.addWholePack(
        idOf(Uint8Array.of(1)),
        1000,
        blocks.map((block) => ({ ...block, offset: packHeaderSize })),
      )
      return builder.finish()
    }),
    mend: (bytes) => mendCrc(bytes, 32),
    decode: (bytes) => {
      const { packs, blocks, chunks, superseded, fanoutBits, end } = decodeSegmentHeader(
        bytes.subarray(0, segmentHeaderSize),
        bytes.length,
      )
      assert.equal(end, bytes.length)
      for (const count of [packs, blocks, chunks, superseded, 2 ** fanoutBits])
        assert.ok(count <= bytes.length)
      return undefined
    },
  },
  config: {
    samples: sample(fc.uint8Array({ minLength: 16, maxLength: 16 })).map((id) =>
      encodeConfig({
        format: 'tidemark repository',
        version: 1,
        id: Buffer.from(id).toString('hex'),
        hash: 'sha256',
        chunker: 'two-level-1',
      }),
    ),
    decode: (bytes) => {
      const config = decodeConfig(bytes)
      assert.deepEqual(decodeConfig(encodeConfig(config)), config)
      return undefined
    },
  },
}

function decodeFooterOfAnySize(bytes: Uint8Array): ReturnType<typeof decodePackFooter> {
  const crc = crc32(bytes)
  try {
    return decodePackFooter(bytes, crc, 0)
  } catch (error) {
    if (!isTidemarkError(error, 'corrupt') || !/do not fill/.test(error.message)) throw error
  }
  const reader = new Reader(bytes, 'test')
  let size = packHeaderSize + bytes.length + trailerSize
  for (let left = reader.varint(); left > 0; left--) {
    reader.u8()
    size += 20 + reader.varint()
    reader.varint()
    for (let chunks = reader.varint(); chunks > 0; chunks--) {
      reader.take(32)
      reader.varint()
    }
  }
  return decodePackFooter(bytes, crc, size)
}

function mendCrc(bytes: Uint8Array<ArrayBuffer>, at: number): void {
  if (bytes.length >= at + 4) new DataView(bytes.buffer).setUint32(at, crc32(bytes.subarray(0, at)), true)
}

suite('decoders fed with hostile bytes', () => {
  for (const [name, { samples, decode, mend }] of Object.entries(codecs)) {
    test(`${name}: refuses, or takes what has just this encoding`, () => {
      const random = seededRandom(seed)
      let [taken, refused] = [0, 0]
      for (const valid of samples) {
        const again = decode(valid)
        if (again !== undefined) assert.deepEqual(hex(again), hex(valid))
      }
      for (let n = 0; n < runs; n++) {
        const bytes = mutate(samples[n % samples.length]!, random)
        mend?.(bytes)
        try {
          const again = decode(bytes)
          if (again !== undefined) assert.equal(hex(again), hex(bytes), `run ${n}`)
          taken++
        } catch (error) {
          if (!isTidemarkError(error, 'corrupt', 'unsupported')) throw error
          refused++
        }
      }
      // A fuzz that never gets in, or always does, tests nothing.
      assert.ok(taken > 0 && refused + taken === runs)
    })
  }

  test('each cut of a valid encoding is refused', () => {
    for (const name of ['entry', 'leaf', 'node', 'content list', 'snapshot'] as const) {
      const { samples, decode } = codecs[name]!
      for (const valid of samples.slice(0, 20)) {
        for (let length = 0; length < valid.length; length++) {
          const cut = valid.subarray(0, length)
          // What consists of any number of like parts may well end after one of them.
          try {
            assert.equal(hex(decode(cut)!), hex(cut))
            assert.ok(name !== 'entry' && name !== 'snapshot', `${name} cut to ${length}`)
          } catch (error) {
            if (!isTidemarkError(error, 'corrupt')) throw error
          }
        }
      }
    }
  })
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
