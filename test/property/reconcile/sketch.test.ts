import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  cellsFor,
  decodeSketch,
  encodeSketch,
  identify,
  peel,
  sketchKey,
  Sketch,
} from '../../../src/reconcile/index.ts'
import {
  apart,
  digestOf,
  digestsOf,
  profileChoice,
  runs,
  salts,
  sets,
  sizes,
  sketchOf,
  sortedIds,
} from './sets.ts'

const setting = fc.record({ salt: salts, size: sizes, profile: profileChoice })

suite('the laws of a sketch', () => {
  test('adding one by one and adding at once give the same cells', () => {
    fc.assert(
      fc.property(setting, sets, ({ salt, size, profile }, items) => {
        const single = new Sketch({ salt, size, profile })
        for (const item of items) single.add(digestOf(item))
        const bulk = sketchOf(items, salt, size, profile)
        assert.deepEqual(single.cells, bulk.cells)
        assert.ok(single.root.equals(bulk.root))
      }),
      runs(200),
    )
  })

  test('the order of items never matters', () => {
    fc.assert(
      fc.property(setting, sets, fc.infiniteStream(fc.nat()), ({ salt, size, profile }, items, random) => {
        const shuffled = items.map((item) => [random.next().value, item]).toSorted((a, b) => a[0]! - b[0]!)
        const other = sketchOf(
          shuffled.map((pair) => pair[1]!),
          salt,
          size,
          profile,
        )
        assert.deepEqual(other.cells, sketchOf(items, salt, size, profile).cells)
      }),
      runs(100),
    )
  })

  test('adding and then deleting is nothing', () => {
    fc.assert(
      fc.property(setting, sets, sets, ({ salt, size, profile }, items, more) => {
        const sketch = sketchOf(items, salt, size, profile)
        for (const item of more) sketch.add(digestOf(item))
        for (const item of more.toReversed()) sketch.delete(digestOf(item))
        const plain = sketchOf(items, salt, size, profile)
        assert.deepEqual(sketch.cells, plain.cells)
        assert.ok(sketch.root.equals(plain.root))
      }),
      runs(100),
    )
  })

  test('merging is the union of disjoint sets', () => {
    fc.assert(
      fc.property(setting, sets, fc.integer({ min: 1, max: 5 }), ({ salt, size, profile }, items, shards) => {
        const merged = new Sketch({ salt, size, profile })
        for (let shard = 0; shard < shards; shard++) {
          merged.merge(
            sketchOf(
              items.filter((item) => item % shards === shard),
              salt,
              size,
              profile,
            ),
          )
        }
        const whole = sketchOf(items, salt, size, profile)
        assert.deepEqual(merged.cells, whole.cells)
        assert.ok(merged.root.equals(whole.root))
      }),
      runs(100),
    )
  })

  test('subtracting leaves the sketch of the symmetric difference', () => {
    fc.assert(
      fc.property(setting, sets, sets, ({ salt, size, profile }, a, b) => {
        const difference = sketchOf(a, salt, size, profile).subtract(sketchOf(b, salt, size, profile))
        assert.deepEqual(difference.cells, sketchOf(apart(a, b), salt, size, profile).cells)
        assert.equal(difference.root.count, a.length - b.length)
      }),
      runs(100),
    )
  })

  test('a prefix is the sketch of fewer cells', () => {
    fc.assert(
      fc.property(
        setting,
        sets,
        fc.integer({ min: 1, max: 700 }),
        ({ salt, size, profile }, items, wanted) => {
          const small = Math.min(size, wanted)
          const prefix = sketchOf(items, salt, size, profile).prefix(small)
          assert.deepEqual(prefix.cells, sketchOf(items, salt, small, profile).cells)
        },
      ),
      runs(100),
    )
  })

  test('decoding yields the symmetric difference, or nothing', () => {
    fc.assert(
      fc.property(setting, sets, sets, ({ salt, size, profile }, a, b) => {
        const difference = sketchOf(a, salt, size, profile).subtract(sketchOf(b, salt, size, profile))
        const before = difference.cells.slice()
        const ids = peel(difference)
        assert.deepEqual(difference.cells, before, 'decoding leaves the difference as it was')
        if (ids !== undefined) assert.deepEqual(sortedIds(ids), idsOf(apart(a, b), salt))
      }),
      runs(300),
    )
  })

  test('decodes when there are cells enough', () => {
    fc.assert(
      fc.property(salts, profileChoice, sets, sets, (salt, profile, a, b) => {
        const different = apart(a, b)
        const size = 3 * cellsFor(different.length, profile)
        // Of some thousand salts one fails with so many cells: of three in a row none ever does.
        const decodes = [0, 1, 2].some((number) => {
          const own = Uint8Array.from(salt, (byte, at) => (at === 0 ? byte ^ number : byte))
          const ids = peel(sketchOf(a, own, size, profile).subtract(sketchOf(b, own, size, profile)))
          if (ids !== undefined) assert.deepEqual(sortedIds(ids), idsOf(different, own))
          return ids !== undefined
        })
        assert.ok(decodes)
      }),
      runs(200),
    )
  })

  test('survives its file', () => {
    fc.assert(
      fc.property(setting, sets, ({ salt, size, profile }, items) => {
        const sketch = sketchOf(items, salt, size, profile)
        const bytes = encodeSketch(sketch)
        const back = decodeSketch(bytes)
        assert.deepEqual(back.cells, sketch.cells)
        assert.ok(back.root.equals(sketch.root))
        assert.deepEqual(encodeSketch(back), bytes)
      }),
      runs(100),
    )
  })
})

function idsOf(items: readonly number[], salt: Uint8Array): string[] | undefined {
  const words = new Int32Array(digestsOf(items).buffer)
  const ids = new Int32Array(2 * items.length)
  identify(sketchKey(salt), words, 0, items.length, ids)
  return sortedIds(ids)
}
