import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { ChunkSize } from '../../../src/object/chunk-class.ts'
import { createPlainChunker, createWasmChunker } from '../../../src/object/chunker.ts'
import { cutsOf, cutsReference, makeContent } from '../../unit/object/chunker-reference.ts'
import type { Part } from '../../unit/object/chunker-reference.ts'

const runs = Number(process.env['TIDEMARK_FUZZ'] ?? 1) * 150
const memoryBytes = 1 << 20
const wasm = createWasmChunker(memoryBytes)
assert.ok(wasm)
const kernels = [wasm, createPlainChunker(memoryBytes)]

const seeds = fc.integer({ min: 1, max: 0x7fff_ffff })
const partLengths = fc.oneof(fc.nat(200), fc.nat(20_000))
const parts: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ kind: fc.constant('random' as const), seed: seeds, length: partLengths }),
  fc.record({
    kind: fc.constant('letters' as const),
    alphabet: fc.constantFrom('01', 'ACGT', 'etaoin shrdlu\n', '\u0000\u0000\u0000\u0001'),
    seed: seeds,
    length: partLengths,
  }),
  fc.record({
    kind: fc.constant('repeat' as const),
    hex: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    length: partLengths,
  }),
)
const contents = fc.array(parts, { minLength: 1, maxLength: 6 }).map(makeContent)
const sizes: fc.Arbitrary<ChunkSize> = fc
  .tuple(fc.integer({ min: 12, max: 14 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(30_000))
  .map(([bits, share, above]) => {
    const average = 2 ** bits
    return { min: Math.floor(64 + share * (average - 64)), average, max: average + above }
  })

suite('the kernels and the reference', () => {
  test('cut alike, wherever in memory the content lies', () => {
    fc.assert(
      fc.property(contents, sizes, fc.nat(70), fc.boolean(), (content, size, offset, atEnd) => {
        const expected = cutsReference(content, size)
        for (const kernel of kernels) {
          const at = atEnd ? kernel.memory.length - content.length : offset
          // What lies around a content must not matter.
          kernel.memory.fill(offset)
          assert.deepEqual(cutsOf(kernel, content, size, at), expected)
        }
      }),
      { numRuns: runs },
    )
  })

  test('cut the same through a buffer that is refilled, whatever the portions', () => {
    const portions = fc.array(fc.nat(9000), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(contents, sizes, portions, (content, size, portions) => {
        const expected = cutsReference(content, size)
        for (const kernel of kernels) {
          const cuts: number[] = []
          let read = 0
          let held = 0
          let at = 0
          for (let turn = 0; read < content.length || at < held; turn++) {
            // Moves what is left to the front, and reads on until `max` bytes are there, and a portion more.
            kernel.memory.copyWithin(0, at, held)
            held -= at
            at = 0
            const want = Math.max(0, size.max - held) + (portions[turn % portions.length] ?? 0)
            const more = content.subarray(read, read + want)
            kernel.memory.set(more, held)
            held += more.length
            read += more.length
            while (at < held && (held - at >= size.max || read === content.length)) {
              at = kernel.cut(at, held, size)
              cuts.push(read - held + at)
            }
          }
          assert.deepEqual(cuts, expected)
        }
      }),
      { numRuns: runs },
    )
  })

  test('never cut before the maximum in a pattern of up to 16 bytes', () => {
    const patterns = fc.uint8Array({ minLength: 1, maxLength: 16 })
    const size = { min: 64, average: 4096, max: 9000 }
    fc.assert(
      fc.property(patterns, (pattern) => {
        for (const kernel of kernels) {
          for (let at = 0; at < size.max; at++) kernel.memory[at] = pattern[at % pattern.length] ?? 0
          assert.equal(kernel.cut(0, size.max, size), size.max)
        }
      }),
      { numRuns: runs * 10 },
    )
  })

  test('hold no state: the chunks after a cut are those of the rest alone', () => {
    fc.assert(
      fc.property(contents, sizes, (content, size) => {
        for (const kernel of kernels) {
          const cuts = cutsOf(kernel, content, size)
          const first = cuts.shift()
          if (first === undefined) return
          assert.deepEqual(
            cutsOf(kernel, content.subarray(first), size),
            cuts.map((cut) => cut - first),
          )
        }
      }),
      { numRuns: runs },
    )
  })
})
