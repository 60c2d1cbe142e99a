import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { retain, type RetainedSnapshot, type RetentionPolicy } from '../../../src/history/retention.ts'
import type { Zone } from '../../../src/history/local-time.ts'
import { isTidemarkError } from '../../../src/errors.ts'

interface Named extends RetainedSnapshot {
  readonly name: string
}

function at(text: string, ...tags: string[]): Named {
  return { id: text, name: text, time: Date.parse(text.includes('T') ? text : `${text}T12:00Z`), tags }
}

function kept(snapshots: readonly Named[], policy: RetentionPolicy, zone: Zone = 0): Record<string, string> {
  const { keep } = retain(snapshots, policy, zone)
  return Object.fromEntries(keep.map(({ snapshot, reasons }) => [snapshot.name, reasons.join(', ')]))
}

/** One a day for two years, the newest last. */
const daily = Array.from({ length: 730 }, (_, n) =>
  at(new Date(Date.UTC(2025, 0, 1 + n, 12)).toISOString().slice(0, 10)),
)

suite('retention', () => {
  test('keeps the newest few', () => {
    assert.deepEqual(kept(daily, { last: 2 }), {
      '2026-12-31': 'last snapshot',
      '2026-12-30': 'last snapshot',
    })
  })

  test('keeps what latest names beside what was recorded before a restore', () => {
    const snapshots = [at('2026-11-20'), at('2026-11-21'), at('2026-11-22', 'before-restore')]
    assert.deepEqual(kept(snapshots, { last: 1 }), {
      '2026-11-22': 'last snapshot',
      '2026-11-21': 'newest snapshot',
    })
    assert.deepEqual(kept(snapshots, { last: 2 }), {
      '2026-11-22': 'last snapshot',
      '2026-11-21': 'last snapshot',
    })
  })

  test('keeps the newest of each period, and says why', () => {
    assert.deepEqual(kept(daily, { daily: 2, weekly: 2, monthly: 2, yearly: 1 }), {
      '2026-12-31': 'daily snapshot, weekly snapshot, monthly snapshot, yearly snapshot',
      '2026-12-30': 'daily snapshot',
      '2026-12-27': 'weekly snapshot',
      '2026-11-30': 'monthly snapshot',
    })
  })

  test('keeps the oldest while a rule has periods left', () => {
    assert.deepEqual(kept(daily, { yearly: 5 }), {
      '2026-12-31': 'yearly snapshot',
      '2025-12-31': 'yearly snapshot',
      '2025-01-01': 'oldest yearly snapshot',
    })
  })

  test('counts periods that have snapshots, not those of the calendar', () => {
    const sparse = [at('2020-05-01'), at('2023-02-01'), at('2026-01-01'), at('2026-01-02')]
    assert.deepEqual(Object.keys(kept(sparse, { yearly: 2 })), ['2026-01-02', '2023-02-01'])
  })

  test('weeks begin on Monday', () => {
    const days = [at('2026-11-15'), at('2026-11-16'), at('2026-11-22'), at('2026-11-23')]
    assert.deepEqual(Object.keys(kept(days, { weekly: 3 })), ['2026-11-23', '2026-11-22', '2026-11-15'])
  })

  test('keeps what is within a span of the newest', () => {
    assert.equal(Object.keys(kept(daily, { within: '7d' })).length, 8)
    assert.equal(Object.keys(kept(daily, { within: '1w' })).length, 8)
    assert.equal(Object.keys(kept(daily, { within: '47h' })).length, 2)
    assert.deepEqual(Object.keys(kept(daily, { within: '1m' })).at(-1), '2026-11-30')
    assert.deepEqual(Object.keys(kept(daily, { within: '1y6m' })).at(-1), '2025-06-30')
  })

  test('keeps what has a tag', () => {
    const tagged = [at('2026-01-01', 'release', 'old'), at('2026-01-02', 'old'), at('2026-01-03')]
    assert.deepEqual(kept(tagged, { tags: ['release'] }), {
      '2026-01-03': 'newest snapshot',
      '2026-01-01': 'tag release',
    })
  })

  test('days begin where the person is', () => {
    const evening = [at('2026-11-20T22:30Z'), at('2026-11-20T23:30Z'), at('2026-11-21T12:00Z')]
    assert.deepEqual(Object.keys(kept(evening, { daily: 5 }, 0)), [
      '2026-11-21T12:00Z',
      '2026-11-20T23:30Z',
      '2026-11-20T22:30Z',
    ])
    const berlin = retain(evening, { daily: 2 }, 'Europe/Berlin').keep.map(({ snapshot }) => snapshot.name)
    assert.deepEqual(berlin, ['2026-11-21T12:00Z', '2026-11-20T22:30Z'])
    assert.deepEqual(Object.keys(kept(evening, { daily: 2 }, 60)), berlin)
    const fiji = retain(evening, { daily: 2 }, 'Pacific/Fiji').keep.map(({ snapshot }) => snapshot.name)
    assert.deepEqual(fiji, ['2026-11-21T12:00Z', '2026-11-20T23:30Z'])
  })

  test('the hour that is repeated in autumn is two hours', () => {
    const night = [at('2026-10-25T00:30Z'), at('2026-10-25T01:30Z')]
    assert.equal(retain(night, { hourly: 5 }, 'Europe/Berlin').keep[1]!.reasons[0], 'hourly snapshot')
  })

  test('refuses to forget everything', () => {
    for (const policy of [{}, { last: 0, daily: 0 }, { tags: [] }]) {
      assert.throws(
        () => retain(daily, policy),
        (error) => isTidemarkError(error, 'usage'),
      )
    }
  })

  test('refuses what is no number and no span', () => {
    for (const policy of [
      { last: -1 },
      { daily: 1.5 },
      { yearly: Number.NaN },
      { within: '' },
      { within: '7' },
    ]) {
      assert.throws(
        () => retain(daily, policy),
        (error) => isTidemarkError(error, 'usage'),
      )
    }
    assert.throws(
      () => retain(daily, { last: 1, daily: 1 }, 'Nowhere/At_All'),
      (error) => isTidemarkError(error, 'usage'),
    )
  })

  test('nothing is neither kept nor forgotten, and the newest is always kept', () => {
    const count = fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined })
    const policies = fc.record({ last: count, hourly: count, daily: count, weekly: count, monthly: count })
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 3e11 }))
    fc.assert(
      fc.property(times, policies, fc.constantFrom(0, 60, -570), (times, policy, zone) => {
        fc.pre(Object.values(policy).some((count) => (count ?? 0) > 0))
        const snapshots = times.map((time) => ({ id: `${time}`, time, tags: [] }))
        const { keep, forget } = retain(snapshots, policy, zone)
        const all = [...keep.map(({ snapshot }) => snapshot), ...forget]
        assert.deepEqual(
          all.map(({ time }) => time).toSorted((a, b) => a - b),
          times.toSorted((a, b) => a - b),
        )
        if (times.length > 0) assert.equal(keep[0]!.snapshot.time, Math.max(...times))
        assert.ok(keep.length <= Object.values(policy).reduce<number>((sum, count) => sum + (count ?? 0), 0))
        // What was decided once is decided again: forgetting twice forgets no more.
        const again = retain(
          keep.map(({ snapshot }) => snapshot),
          policy,
          zone,
        )
        assert.deepEqual(again.forget, [])
      }),
    )
  })
})
