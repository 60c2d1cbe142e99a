import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { lineage, listSnapshots, newestFirst } from '../../../src/history/log.ts'
import type { LoggedSnapshot } from '../../../src/history/log.ts'
import { idOf, type Id } from '../../../src/object/id.ts'
import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { snapshotName } from '../../../src/store/repository/place.ts'
import { Repository } from '../../../src/store/repository/repository.ts'
import { makeSnapshot } from '../../suites/timeline.ts'

const at = (time: number, ...parents: LoggedSnapshot[]): LoggedSnapshot =>
  makeSnapshot({ time, parents: parents.map(({ id }) => id) })
const times = (log: readonly LoggedSnapshot[]): number[] => log.map(({ snapshot }) => snapshot.time)

suite('newestFirst', () => {
  test('orders by time where nothing else decides', () => {
    assert.deepEqual(times(newestFirst([at(3), at(1), at(5), at(2)])), [5, 3, 2, 1])
  })

  test('places a snapshot before its parents whatever the clocks said', () => {
    const first = at(100)
    const second = at(5, first)
    const third = at(7, second)
    assert.deepEqual(times(newestFirst([first, second, third])), [7, 5, 100])
    const other = at(50)
    assert.deepEqual(times(newestFirst([first, second, third, other])), [50, 7, 5, 100])
  })

  test('places both sides of a merge after it', () => {
    const base = at(1)
    const [left, right] = [at(3, base), at(2, base)]
    const merge = at(4, left, right)
    assert.deepEqual(times(newestFirst([base, right, merge, left])), [4, 3, 2, 1])
  })

  test('orders equal times by id', () => {
    const some = [0, 1, 2, 3].map((n) => makeSnapshot({ time: 9, message: `${n}` }))
    const ids = newestFirst(some).map(({ id }) => id)
    assert.deepEqual(ids, ids.toSorted())
    assert.deepEqual(
      newestFirst(some.toReversed()).map(({ id }) => id),
      ids,
    )
  })
})

const before = (log: readonly LoggedSnapshot[], one: LoggedSnapshot): LoggedSnapshot[] =>
  lineage(log)[log.indexOf(one)]!.map((place) => log[place]!)

suite('lineage', () => {
  test('is the parents, first of them the newest by the same device', () => {
    const base = at(1)
    const mine = at(2, base)
    const theirs = makeSnapshot({ time: 3, parents: [base.id], device: '0'.repeat(32) })
    const merge = at(4, mine, theirs)
    const foreign = makeSnapshot({ time: 5, parents: [mine.id, theirs.id], device: '1'.repeat(32) })
    const log = newestFirst([base, mine, theirs, merge, foreign])
    assert.deepEqual(before(log, merge), [mine, theirs])
    assert.deepEqual(before(log, mine), [base])
    assert.deepEqual(before(log, base), [])
    assert.deepEqual(before(log, foreign), [theirs, mine])
  })

  test('leads on in the copy that asks', () => {
    const base = at(1)
    const [one, other] = ['1', '2'].map((digit) =>
      makeSnapshot({ time: 2, parents: [base.id], device: digit.repeat(32) }),
    )
    const merge = makeSnapshot({ time: 3, parents: [one!.id, other!.id], device: '0'.repeat(32) })
    const log = newestFirst([base, one!, other!, merge])
    for (const [own, first] of [
      ['1', one],
      ['2', other],
    ] as const)
      assert.equal(log[lineage(log, own.repeat(32))[log.indexOf(merge)]![0]!], first)
  })

  test('is the next older one of the folder when retention removed the parents', () => {
    const first = at(1)
    const gone = at(2, first)
    const last = at(4, gone)
    const strange = makeSnapshot({ time: 3, folder: 'a'.repeat(32) })
    const log = newestFirst([first, last, strange])
    assert.deepEqual(before(log, last), [first])
    assert.deepEqual(before(log, strange), [])
  })
})

suite('listSnapshots', () => {
  test('lists those of all folders or of one, newest first', async () => {
    const repository = await Repository.create(new MemoryBucket())
    const folder = 'a'.repeat(32)
    for (let n = 0; n < 40; n++) {
      const { snapshot } = makeSnapshot({ time: n, ...(n % 4 === 0 ? { folder } : {}) })
      await repository.snapshots.write(snapshot)
    }
    const log = await listSnapshots(await Repository.open(repository.bucket))
    assert.deepEqual(
      times(log),
      Array.from({ length: 40 }, (_, n) => 39 - n),
    )
    assert.deepEqual(
      times(await listSnapshots(repository, { folder })),
      [36, 32, 28, 24, 20, 16, 12, 8, 4, 0],
    )
  })

  test('reports a damaged one, or rejects', async () => {
    const repository = await Repository.create(new MemoryBucket())
    const id = idOf(Uint8Array.of(1, 2, 3))
    await repository.bucket.put(snapshotName(id), Uint8Array.of(1, 2, 3))
    await repository.snapshots.write(makeSnapshot({ time: 7 }).snapshot)
    await assert.rejects(listSnapshots(repository), (error) => isTidemarkError(error, 'corrupt'))
    const damaged: Id[] = []
    const log = await listSnapshots(repository, { onDamaged: (id) => damaged.push(id) })
    assert.deepEqual(times(log), [7])
    assert.deepEqual(damaged, [id])
  })
})
