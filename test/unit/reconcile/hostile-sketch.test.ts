import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '../../../src/errors.ts'
import {
  checkOf,
  decodeSketch,
  encodeSketch,
  estimate,
  general,
  identify,
  large,
  maxCells,
  peel,
  probe,
  sha256,
  Sketch,
  sketchKey,
  type Profile,
} from '../../../src/reconcile/index.ts'
import { cellsOf, maxHits } from '../../../src/reconcile/mapping.ts'

const salt = new Uint8Array(16).fill(3)
const key = sketchKey(salt)
const encoder = new TextEncoder()

function sketchOf(items: string[], size: number, profile: Profile = general): Sketch {
  const sketch = new Sketch({ salt: key, size, profile })
  for (const item of items) sketch.add(sha256(encoder.encode(item)))
  return sketch
}

function idOf(item: string): { lo: number; hi: number; check: number } {
  const id = new Int32Array(2)
  identify(key, new Int32Array(sha256(encoder.encode(item)).buffer), 0, 1, id)
  return { lo: id[0]!, hi: id[1]!, check: checkOf(key, id[0]!, id[1]!) }
}

suite('a hostile sketch', () => {
  test('with a valid id in a foreign cell is undecodable, not endless', () => {
    const { lo, hi, check } = idOf('x')
    const hits = new Int32Array(maxHits)
    const cells = new Set(hits.subarray(0, cellsOf(general, lo, hi, 64, hits)))
    for (let cell = 0; cell < 64; cell++) {
      if (cells.has(cell)) continue
      const sketch = new Sketch({ salt: key, size: 64 })
      sketch.cells.set([lo, hi, check], 3 * cell)
      assert.equal(peel(sketch), undefined)
    }
  })

  test('with an id in some of its cells only comes to an end', () => {
    const { lo, hi, check } = idOf('x')
    const hits = new Int32Array(maxHits)
    const found = cellsOf(general, lo, hi, 64, hits)
    for (let left = 0; left < found; left++) {
      const sketch = new Sketch({ salt: key, size: 64 })
      for (let hit = 0; hit < found; hit++)
        if (hit !== left) sketch.cells.set([lo, hi, check], 3 * hits[hit]!)
      assert.equal(peel(sketch), undefined)
    }
  })

  test('of contradictory cells costs no more than its cells, and finds nothing or what re-encodes to it', () => {
    const ids = Array.from({ length: 20 }, (_, at) => idOf(`item ${at}`))
    const cell = fc.oneof(
      fc.constantFrom(...ids).map(({ lo, hi, check }) => [lo, hi, check]),
      fc.constant([0, 0, 0]),
      fc.array(fc.integer(), { minLength: 3, maxLength: 3 }),
    )
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 200 }), (cells) => {
        const sketch = new Sketch({ salt: key, size: cells.length })
        sketch.cells.set(cells.flat())
        const found = peel(sketch)
        if (found === undefined) return
        assert.ok(found.length <= 2 * cells.length)
        const again = new Int32Array(sketch.cells.length)
        const hits = new Int32Array(maxHits)
        for (let at = 0; at < found.length; at += 2) {
          const [lo, hi] = [found[at]!, found[at + 1]!]
          const reached = cellsOf(general, lo, hi, cells.length, hits)
          for (let hit = 0; hit < reached; hit++) {
            again[3 * hits[hit]!]! ^= lo
            again[3 * hits[hit]! + 1]! ^= hi
            again[3 * hits[hit]! + 2]! ^= checkOf(key, lo, hi)
          }
        }
        assert.deepEqual(again, sketch.cells)
      }),
      { numRuns: 300 * Number(process.env['TIDEMARK_FUZZ'] ?? 1) },
    )
  })

  test('of more differences than cells is undecodable', () => {
    const items = Array.from({ length: 5000 }, (_, at) => `${at}`)
    for (const profile of [general, large]) assert.equal(peel(sketchOf(items, 2000, profile)), undefined)
  })

  test('two ids that are one: their items cancel, and the root tells', () => {
    // Equal first halves of two digests make equal ids under every salt; SHA-256 has none known, so they are made up.
    const a = new Uint8Array(32).fill(1)
    const b = a.slice().fill(2, 16)
    const difference = new Sketch({ salt: key, size: 32 })
      .add(a)
      .subtract(new Sketch({ salt: key, size: 32 }).add(b))
    assert.equal(peel(difference)?.length, 0)
    assert.notDeepEqual(difference.root.lanes, new Int32Array(8))
  })
})

suite('a hostile sketch file', () => {
  const good = encodeSketch(sketchOf(['a', 'b'], 40))

  test('is refused with a typed error wherever it is cut', () => {
    for (let length = 0; length < good.length; length++) {
      assert.throws(() => decodeSketch(good.slice(0, length)), { code: 'corrupt' })
    }
    assert.throws(() => decodeSketch(Uint8Array.of(...good, 0)), { code: 'corrupt' })
  })

  test('is refused with a typed error, or decodes, whatever is changed', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = good.slice()
        bytes[at]! ^= change
        try {
          assert.deepEqual(encodeSketch(decodeSketch(bytes)), bytes)
        } catch (error) {
          assert.ok(isTidemarkError(error, 'corrupt', 'unsupported'))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('of an absurd size is refused before anything is allocated', () => {
    for (const size of [0, maxCells + 1, 0xffffffff]) {
      const bytes = good.slice(0, 72)
      new DataView(bytes.buffer).setUint32(64, size, true)
      assert.throws(() => decodeSketch(bytes), { code: 'corrupt' })
    }
    for (const size of [0, -1, 1.5, maxCells + 1, Number.NaN]) {
      assert.throws(() => new Sketch({ salt, size }), { code: 'usage' })
    }
  })
})

suite('sketches that do not fit', () => {
  test('are not combined', () => {
    const sketch = sketchOf(['a'], 32)
    const others = [
      new Sketch({ salt: new Uint8Array(16), size: 32 }),
      new Sketch({ salt, size: 33 }),
      new Sketch({ salt, size: 32, profile: large }),
    ]
    for (const other of others) {
      assert.throws(() => sketch.merge(other), { code: 'usage' })
      assert.throws(() => sketch.subtract(other), { code: 'usage' })
    }
    assert.throws(() => sketch.prefix(33), { code: 'usage' })
    assert.throws(() => sketch.add(new Uint8Array(31)), { code: 'usage' })
    assert.throws(() => sketch.addAll(new Uint8Array(33)), { code: 'usage' })
    assert.throws(() => sketchKey(new Uint8Array(15)), { code: 'usage' })
  })

  test('digests at odd places in memory are read right', () => {
    const digest = sha256(encoder.encode('a'))
    const odd = new Uint8Array(33)
    odd.set(digest, 1)
    const sketch = new Sketch({ salt, size: 32 }).add(odd.subarray(1))
    assert.deepEqual(sketch.cells, sketchOf(['a'], 32).cells)
  })
})

test("sketches keep nothing of a caller's Buffers", () => {
  const buffer = Buffer.from(encodeSketch(sketchOf(['a', 'b'], 40)))
  const sketch = decodeSketch(buffer)
  const ownSalt = Buffer.alloc(16, 5)
  const own = sketchKey(ownSalt)
  buffer.fill(0)
  ownSalt.fill(0)
  assert.deepEqual(sketch.cells, sketchOf(['a', 'b'], 40).cells)
  assert.ok(sketch.root.equals(sketchOf(['a', 'b'], 1).root))
  assert.deepEqual(sketch.key.salt, salt)
  assert.deepEqual(own.salt, new Uint8Array(16).fill(5))
})

test('probes tell the size of a difference far beyond the cells at hand', () => {
  for (const profile of [general, large]) {
    for (const differences of [500, 2000, 6000]) {
      const items = Array.from({ length: differences }, (_, at) => `${profile.name}/${at}`)
      const whole = sketchOf(items, 16_384, profile)
      const none = new Sketch({ salt: key, size: 16_384, profile })
      const { likely } = estimate(whole.prefix(122), { ours: probe(none), theirs: probe(whole) })
      assert.ok(likely > differences / 2 && likely < 2 * differences, `${differences}: ${likely}`)
    }
  }
})

test('the estimate is of the right magnitude', () => {
  for (const profile of [general, large]) {
    for (const differences of [1, 3, 30, 300]) {
      const items = Array.from({ length: differences }, (_, at) => `${differences}/${at}`)
      const { likely, saturated } = estimate(sketchOf(items, 1000, profile))
      assert.ok(!saturated)
      assert.ok(likely >= differences / 2 && likely <= differences * 2 + 8, `${differences}: ${likely}`)
    }
    const many = Array.from({ length: 20_000 }, (_, at) => `${at}`)
    assert.ok(estimate(sketchOf(many, 122, profile)).saturated)
  }
})
