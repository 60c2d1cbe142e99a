import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareNames } from '../../../src/bytes/name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import type { Entry } from '../../../src/object/entry.ts'
import { LeafCursor } from '../../../src/object/leaf-cursor.ts'
import { buildLeaves, decodeLeaf } from '../../../src/object/tree.ts'
import { entries, fuzz, names } from '../../suites/arbitraries.ts'
import { mutate } from '../../suites/mutations.ts'

const lists = fc
  .uniqueArray(entries, { selector: ({ name }) => name, minLength: 1, maxLength: 20 })
  .map((list) => list.toSorted((a, b) => compareNames(a.name, b.name)))

function walk(bytes: Uint8Array): Entry[] {
  const found: Entry[] = []
  for (const cursor = new LeafCursor(bytes); cursor.valid; cursor.next()) {
    const entry = cursor.entry()
    assert.equal(cursor.index, found.length)
    assert.equal(cursor.name, entry.name)
    assert.equal(cursor.isDirectory, entry.kind === 'directory')
    assert.equal((BigInt(cursor.mtimeHigh) << 32n) | BigInt(cursor.mtimeLow >>> 0), entry.mtimeNs)
    assert.equal(cursor.size, 'size' in entry ? entry.size : 0)
    assert.equal(cursor.count, entry.kind === 'directory' ? entry.count : 0)
    found.push(entry)
  }
  return found
}

test('a cursor shows what decoding a leaf gives', () => {
  fc.assert(
    fc.property(lists, (list) => {
      for (const { bytes } of buildLeaves(list)) assert.deepEqual(walk(bytes), decodeLeaf(bytes))
    }),
    { numRuns: Math.ceil(200 * fuzz) },
  )
})

test('a cursor orders names as compareNames does', () => {
  fc.assert(
    fc.property(lists, names, (list, other) => {
      for (const { bytes } of buildLeaves(list)) {
        for (const cursor = new LeafCursor(bytes); cursor.valid; cursor.next()) {
          assert.equal(Math.sign(cursor.compareName(other)), Math.sign(compareNames(cursor.name, other)))
          assert.equal(cursor.compareName(cursor.name), 0)
        }
      }
    }),
    { numRuns: Math.ceil(200 * fuzz) },
  )
})

test('damaged leaves end, with a typed error or without', () => {
  let refused = 0
  fc.assert(
    fc.property(
      lists,
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (list, random) => {
        const bytes = mutate([...buildLeaves(list)][0]!.bytes, () => random.next().value)
        try {
          for (const cursor = new LeafCursor(bytes); cursor.valid; cursor.next());
        } catch (error) {
          assert.ok(isTidemarkError(error, 'corrupt'), String(error))
          refused++
        }
      },
    ),
    { numRuns: Math.ceil(300 * fuzz) },
  )
  assert.ok(refused > 0)
})
