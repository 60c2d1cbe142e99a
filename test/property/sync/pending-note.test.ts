import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError } from '../../../src/errors.ts'
import { idOf } from '../../../src/object/id.ts'
import { encodeSnapshot } from '../../../src/object/snapshot.ts'
import { decodePending, encodePending } from '../../../src/sync/pending-note.ts'
import { fuzz, ids, snapshots } from '../../suites/arbitraries.ts'
import { mutate } from '../../suites/mutations.ts'
import { seededRandom } from '../../suites/random.ts'

suite('the note of what is pending', () => {
  const notes = fc.record({ from: ids, snapshot: snapshots }).map(({ from, snapshot }) => {
    const to = { id: idOf(encodeSnapshot(snapshot)), snapshot }
    return { from, to, bytes: encodePending(from, to) }
  })

  test('says what was noted', () => {
    fc.assert(
      fc.property(notes, ({ from, to, bytes }) => assert.deepEqual(decodePending(bytes), { from, to })),
      { numRuns: 100 * fuzz },
    )
  })

  test('is refused when it is damaged, or is read as another note', () => {
    fc.assert(
      fc.property(notes, fc.nat(), (note, seed) => {
        const bytes = mutate(note.bytes, seededRandom(seed))
        try {
          const { from, to } = decodePending(bytes)
          assert.deepEqual(encodePending(from, to), bytes)
        } catch (error) {
          if (!isTidemarkError(error, 'corrupt', 'unsupported', 'limit')) throw error
        }
      }),
      { numRuns: 300 * fuzz },
    )
  })
})
