import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test } from 'node:test'
import {
  cellsFor,
  general,
  large,
  peel,
  Sketch,
  sketchKey,
  type Profile,
} from '../../../src/reconcile/index.ts'
import { cellsOf, maxHits } from '../../../src/reconcile/mapping.ts'

const key = sketchKey(new Uint8Array(16).fill(9))

/** Digests that are the same in every run. */
function digests(count: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(32 * count)
  for (let at = 0; at < count; at++) {
    bytes.set(createHash('sha256').update(`${seed}/${at}`).digest(), 32 * at)
  }
  return bytes
}

/** How many of `trials` differences of that size decode from `size` cells. Nothing random: it never changes. */
function decoded(profile: Profile, differences: number, size: number, trials: number): number {
  let count = 0
  for (let trial = 0; trial < trials; trial++) {
    const sketch = new Sketch({ salt: key, size, profile }).addAll(digests(differences, trial))
    if (peel(sketch) !== undefined) count++
  }
  return count
}

/** The gate of the format's economy; bench/reconcile.ts measures the whole distribution. */
suite('cells per difference', () => {
  test('general: 1.95 decode 99 of 100 differences of 100, 1.5 of 500, 1.4 of 3,000', () => {
    assert.ok(decoded(general, 100, 195, 300) >= 297)
    assert.ok(decoded(general, 500, 750, 100) >= 99)
    assert.ok(decoded(general, 3000, 4200, 20) === 20)
  })

  test('general: a change costs at most 25 XORs in a sketch of up to 131,072 cells that is kept up to date', () => {
    const hits = new Int32Array(maxHits)
    const ids = new Int32Array(digests(5000, 1).buffer)
    for (const size of [1400, 2 ** 14, 2 ** 17]) {
      let sum = 0
      for (let at = 0; at < ids.length; at += 2) sum += cellsOf(general, ids[at]!, ids[at + 1]!, size, hits)
      const each = (2 * sum) / ids.length
      assert.ok(each < 24.8, `${each} at ${size}`)
    }
  })

  test('large: 1.2 decode differences of 5,000', () => {
    assert.ok(decoded(large, 5000, 6000, 15) === 15)
  })

  test('what is asked for decodes 96 of 100 and more', () => {
    for (const profile of [general, large]) {
      for (const differences of [1, 2, 5, 20, 80, 320]) {
        const trials = 100
        const good = decoded(profile, differences, cellsFor(differences, profile), trials)
        assert.ok(good >= 96, `${profile.name}, ${differences}: ${good}`)
      }
    }
  })
})
