import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareNames } from '../../../src/bytes/name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { compareLeaves } from '../../../src/object/leaf-differences.ts'
import { buildLeaves, decodeLeaf } from '../../../src/object/tree.ts'
import { equalEntries } from '../../../src/tree/equal-entries.ts'
import { entries, fuzz } from '../../suites/arbitraries.ts'
import { mutate } from '../../suites/mutations.ts'
import { seededRandom } from '../../suites/random.ts'

/** Two lists of entries with some in common, each at least one, and each one leaf. */
const pairs = fc
  .tuple(
    fc.uniqueArray(entries, { selector: ({ name }) => name, minLength: 1, maxLength: 30 }),
    fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()), { minLength: 30, maxLength: 30 }),
  )
  .map(([list, choices]) => {
    const sorted = list.toSorted((a, b) => compareNames(a.name, b.name))
    const changed = sorted.map((entry, n) => (choices[n]![2] ? entry : { ...entry, mode: entry.mode ^ 1 }))
    const one = sorted.filter((_, n) => choices[n]![0])
    const two = changed.filter((_, n) => choices[n]![1])
    return [one, two].map((half) => [...buildLeaves(half.length > 0 ? half : sorted)][0]!.bytes)
  })

test('two leaves are compared as if each entry were decoded', () => {
  fc.assert(
    fc.property(pairs, ([one, two]) => {
      const [before, after] = [decodeLeaf(one!), decodeLeaf(two!)]
      const rest = (list: typeof before, others: typeof before): typeof before =>
        list.filter(
          (entry) => !others.some((other) => other.name === entry.name && equalEntries(entry, other)),
        )
      const [left, right] = compareLeaves(one!, two!)
      assert.deepEqual(left.entries, rest(before, after))
      assert.deepEqual(right.entries, rest(after, before))
      assert.deepEqual([left.first, left.last], [before[0]!.name, before.at(-1)!.name])
      assert.deepEqual([right.first, right.last], [after[0]!.name, after.at(-1)!.name])
    }),
    { numRuns: 200 * fuzz },
  )
})

test('damaged leaves are refused, or differ from whole ones', () => {
  const random = seededRandom(1)
  let refused = 0
  for (const [one, two] of fc.sample(pairs, { numRuns: 200 * fuzz, seed: 1 })) {
    for (let n = 0; n < 10; n++) {
      const damaged = mutate(two!, random)
      try {
        compareLeaves(one!, damaged)
      } catch (error) {
        assert.ok(isTidemarkError(error, 'corrupt'), String(error))
        refused++
      }
    }
  }
  assert.ok(refused > 0)
})
