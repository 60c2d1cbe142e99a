import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '../../../src/errors.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../src/object/snapshot.ts'
import { fuzz, ids, snapshots } from '../../suites/arbitraries.ts'
import { makeSnapshot } from '../../suites/timeline.ts'

const isCorrupt = (error: unknown): boolean => isTidemarkError(error, 'corrupt')

suite('snapshot codec', () => {
  test('decoding inverts encoding', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        assert.deepEqual(decodeSnapshot(encodeSnapshot(snapshot)), snapshot)
      }),
      { numRuns: 200 * fuzz },
    )
  })

  test('parents and tags have one order, whatever order they are given in', () => {
    fc.assert(
      fc.property(fc.uniqueArray(ids, { minLength: 2, maxLength: 5 }), (parents) => {
        const one = encodeSnapshot(makeSnapshot({ parents, tags: ['b', 'a'] }).snapshot)
        const other = encodeSnapshot(
          makeSnapshot({ parents: parents.toReversed(), tags: ['a', 'b'] }).snapshot,
        )
        assert.deepEqual(one, other)
        assert.deepEqual(decodeSnapshot(one).parents, parents.toSorted())
      }),
    )
  })

  test('is never written so that it could not be read', () => {
    const { snapshot } = makeSnapshot()
    const beyond = (change: Partial<typeof snapshot>): void => {
      assert.throws(
        () => encodeSnapshot({ ...snapshot, ...change }),
        (error) => isTidemarkError(error, 'limit'),
      )
    }
    beyond({ message: 'm'.repeat(70_000) })
    beyond({ tags: Array.from({ length: 257 }, (_, n) => `t${n}`) })
    beyond({ parents: Array.from({ length: 65 }, (_, n) => String.fromCharCode(n).repeat(32)) })
    beyond({ time: -1 })
    beyond({ time: 2 ** 60 })
  })

  test('refuses what contradicts itself', () => {
    const { snapshot } = makeSnapshot()
    const same = '\x01'.repeat(32)
    assert.throws(() => decodeSnapshot(encodeSnapshot({ ...snapshot, parents: [same, same] })), isCorrupt)
    assert.throws(() => decodeSnapshot(encodeSnapshot({ ...snapshot, tags: ['a', 'a'] })), isCorrupt)
    assert.throws(() => decodeSnapshot(encodeSnapshot({ ...snapshot, folder: 'no id' })), isCorrupt)
    assert.throws(() => decodeSnapshot(encodeSnapshot({ ...snapshot, device: 'A'.repeat(32) })), isCorrupt)
    const named = { ...snapshot.root, name: 'a' }
    assert.throws(() => decodeSnapshot(encodeSnapshot({ ...snapshot, root: named })), isCorrupt)
    assert.throws(
      () => decodeSnapshot(Buffer.concat([encodeSnapshot(snapshot), Uint8Array.of(0)])),
      isCorrupt,
    )
  })

  test('tells a newer format from a broken one', () => {
    const bytes = encodeSnapshot(makeSnapshot().snapshot)
    bytes[0] = 0x34
    assert.throws(
      () => decodeSnapshot(bytes),
      (error) => isTidemarkError(error, 'unsupported'),
    )
    bytes[0] = 0x21
    assert.throws(() => decodeSnapshot(bytes), isCorrupt)
  })
})
