import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compareClocks, joinClocks, nextClock, type Order, type Placed } from '../../../src/object/clock.ts'
import { idOf } from '../../../src/object/id.ts'
import { fuzz } from '../../suites/arbitraries.ts'

const devices = ['a', 'b', 'c'].map((digit) => digit.repeat(32))

/** A history: each step takes a snapshot on one device, after one it has or after two. */
const histories = fc.array(fc.tuple(fc.nat(2), fc.nat(), fc.nat()), { minLength: 1, maxLength: 20 })

interface Made extends Placed {
  readonly before: ReadonlySet<Made>
}

/** Devices that go on from their own last snapshot, and whatever they are told of. */
function play(steps: readonly (readonly [number, number, number])[]): Made[] {
  const made: Made[] = []
  const heads = new Map<number, Made>()
  for (const [device, other] of steps) {
    const own = heads.get(device)
    const found = made[other % (made.length + 1)]
    const parents = [...new Set([own, found].filter((one) => one !== undefined))]
    const before = new Set(parents.flatMap((one) => [one, ...one.before]))
    const snapshot = {
      id: idOf(new TextEncoder().encode(`${made.length}`)),
      clock: nextClock(parents, devices[device]!),
      before,
    }
    made.push(snapshot)
    heads.set(device, snapshot)
  }
  return made
}

const opposite: Record<Order, Order> = {
  equal: 'equal',
  before: 'after',
  after: 'before',
  concurrent: 'concurrent',
  forked: 'forked',
}

suite('clocks', () => {
  test('tell what came before what, as the graph does', () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const made = play(steps)
        for (const a of made) {
          for (const b of made) {
            const real =
              a === b ? 'equal' : b.before.has(a) ? 'before' : a.before.has(b) ? 'after' : 'concurrent'
            assert.equal(compareClocks(a, b), real)
            assert.equal(compareClocks(b, a), opposite[real])
          }
        }
      }),
      { numRuns: 200 * fuzz },
    )
  })

  test('joined are the least that comes after all, in any order and grouping', () => {
    fc.assert(
      fc.property(histories, fc.nat(), fc.nat(), fc.nat(), (steps, ...picks) => {
        const made = play(steps)
        const [a, b, c] = picks.map((n) => made[n % made.length]!) as [Made, Made, Made]
        const both = joinClocks([a, b])
        assert.deepEqual(both, joinClocks([b, a]))
        const merge = { id: idOf(Uint8Array.of(1)), clock: both }
        assert.deepEqual(joinClocks([merge, c]), joinClocks([a, b, c]))
        assert.deepEqual(joinClocks([merge, a]), both)
        const heads = made.filter((one) => [a, b].some((x) => x === one || x.before.has(one)))
        assert.ok(heads.every((one) => ['before', 'equal'].includes(compareClocks(one, merge))))
      }),
      { numRuns: 200 * fuzz },
    )
  })

  test('show a device that went on twice from one snapshot', () => {
    const first: Placed = { id: idOf(Uint8Array.of(1)), clock: nextClock([], devices[0]!) }
    const one = { id: idOf(Uint8Array.of(2)), clock: nextClock([first], devices[0]!) }
    const two = { id: idOf(Uint8Array.of(3)), clock: nextClock([first], devices[0]!) }
    assert.equal(compareClocks(one, two), 'forked')
    const later = { id: idOf(Uint8Array.of(4)), clock: nextClock([one], devices[1]!) }
    assert.equal(compareClocks(later, two), 'forked')
    // What comes after both is known to, and no two of these know the same.
    for (const [a, b] of [
      [one, two],
      [later, two],
    ] as const) {
      const both = joinClocks([a, b])
      assert.deepEqual(both, joinClocks([b, a]))
      const merge = { id: idOf(Uint8Array.of(5)), clock: both }
      for (const side of [a, b]) {
        assert.equal(compareClocks(side, merge), 'before')
        assert.equal(compareClocks(merge, side), 'after')
        assert.deepEqual(joinClocks([side, merge]), both)
      }
      const next = { id: idOf(Uint8Array.of(6)), clock: nextClock([two], devices[0]!) }
      assert.equal(compareClocks(merge, next), 'concurrent')
    }
  })
})
