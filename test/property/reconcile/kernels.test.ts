import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { plainKernel, Sketch, wasmKernel } from '../../../src/reconcile/index.ts'
import { sketchWasm } from '../../../src/reconcile/sketch-wasm-bytes.ts'
import { digestsOf, profileChoice, runs, salts, sizes } from './sets.ts'

const kernel = wasmKernel()!
const pool = digestsOf(Array.from({ length: 3000 }, (_, item) => item))

suite('the WebAssembly kernel', () => {
  test('exists on this runtime', () => {
    assert.ok(kernel !== undefined)
  })

  test('is the committed file', () => {
    const file = new URL('../../../wasm/sketch.wasm', import.meta.url)
    const bytes = readFileSync(file)
    assert.equal(bytes.toString('base64'), sketchWasm)
    const [hash] = readFileSync(new URL('sketch.wasm.sha256', file), 'utf8').split(' ')
    assert.equal(createHash('sha256').update(bytes).digest('hex'), hash)
  })

  test('gives the same cells as the plain one', () => {
    const counts = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2700 }))
    fc.assert(
      fc.property(
        salts,
        fc.oneof(sizes, fc.integer({ min: 1, max: 20_000 })),
        profileChoice,
        counts,
        fc.nat(300),
        (salt, size, profile, count, first) => {
          const digests = pool.subarray(32 * first, 32 * (first + count))
          const plain = new Sketch({ salt, size, profile, kernel: plainKernel }).addAll(digests)
          const fast = new Sketch({ salt, size, profile, kernel }).addAll(digests)
          assert.deepEqual(fast.cells, plain.cells)
          fast.addAll(digests)
          assert.ok(fast.cells.every((word) => word === 0))
        },
      ),
      runs(150),
    )
  })
})
