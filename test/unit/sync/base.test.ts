import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { nextClock, joinClocks } from '../../../src/object/clock.ts'
import type { Id } from '../../../src/object/id.ts'
import { lastCommon, lastOf, placed } from '../../../src/sync/base.ts'
import type { Head } from '../../../src/sync/head.ts'
import { noDevice } from '../../../src/sync/merge/merge-heads.ts'
import { makeSnapshot } from '../../suites/timeline.ts'

/** A timeline that is written down: what devices made, and merges. */
class Written {
  readonly heads = new Map<Id, Head>()
  reads = 0

  made(device: string, ...parents: Head[]): Head {
    const clock = nextClock(parents.map(placed), device.repeat(32))
    return this.#keep(makeSnapshot({ device: device.repeat(32), clock, ...this.#about(parents) }))
  }

  merged(...parents: Head[]): Head {
    return this.#keep(
      makeSnapshot({ device: noDevice, clock: joinClocks(parents.map(placed)), ...this.#about(parents) }),
    )
  }

  /** As before there were clocks. */
  unclocked(...parents: Head[]): Head {
    return this.#keep(makeSnapshot(this.#about(parents)))
  }

  async snapshot(id: Id): Promise<Head | undefined> {
    this.reads++
    return this.heads.get(id)
  }

  forget(...heads: Head[]): void {
    for (const { id } of heads) this.heads.delete(id)
  }

  #about(parents: readonly Head[]): { parents: Id[]; time: number } {
    return { parents: parents.map(({ id }) => id).toSorted(), time: this.heads.size }
  }

  #keep(head: Head): Head {
    this.heads.set(head.id, head)
    return head
  }
}

async function common(timeline: Written, one: Head, other: Head, candidates: Head[] = []): Promise<Head[]> {
  const found = await lastCommon(one, other, timeline, candidates)
  assert.deepEqual(await lastCommon(other, one, timeline, candidates), found)
  return found
}

suite('lastCommon', () => {
  test('is where two went apart', async () => {
    const timeline = new Written()
    const first = timeline.made('a')
    const last = timeline.made('a', first)
    assert.deepEqual(await common(timeline, timeline.made('a', last), timeline.made('b', last)), [last])
  })

  test('is the earlier one, when the other came after it', async () => {
    const timeline = new Written()
    const first = timeline.made('a')
    const later = timeline.made('b', timeline.made('a', first))
    assert.deepEqual(await common(timeline, first, later), [first])
    assert.deepEqual(await common(timeline, later, later), [later])
  })

  test('is a merge that both come from', async () => {
    const timeline = new Written()
    const first = timeline.made('a')
    const merge = timeline.merged(timeline.made('a', first), timeline.made('b', first))
    const [one, other] = [timeline.made('a', merge), timeline.made('b', merge)]
    assert.deepEqual(await common(timeline, one, other), [merge])
  })

  test('are two, after a criss-cross', async () => {
    const timeline = new Written()
    const first = timeline.made('a')
    const [a, b] = [timeline.made('a', first), timeline.made('b', first)]
    const one = timeline.made('a', timeline.merged(a, timeline.made('c', b)))
    const other = timeline.made('b', timeline.merged(timeline.made('d', a), b))
    const expected = [a, b].toSorted((x, y) => (x.id < y.id ? -1 : 1))
    assert.deepEqual(await common(timeline, one, other), expected)
  })

  test('is found by the clocks when the snapshots between are forgotten', async () => {
    const timeline = new Written()
    const base = timeline.made('a')
    const between = [timeline.made('a', base)]
    for (let n = 0; n < 5; n++) between.push(timeline.made('a', between.at(-1)!))
    const [one, other] = [timeline.made('a', between.at(-1)!), timeline.made('b', timeline.made('b', base))]
    timeline.forget(...between)
    assert.deepEqual(await common(timeline, one, other), [base])
  })

  test('is a merge that no clock names, if somebody tells of it', async () => {
    const timeline = new Written()
    const [a, b] = [timeline.made('a'), timeline.made('b')]
    const merge = timeline.merged(a, b)
    const between = [timeline.made('a', merge), timeline.made('b', merge)] as const
    const [one, other] = [timeline.made('a', between[0]), timeline.made('b', between[1])]
    timeline.forget(...between)
    assert.deepEqual(await common(timeline, one, other), lastOf([a, b]))
    assert.deepEqual(await common(timeline, one, other, [merge, one]), [merge])
  })

  test('does not go further back than it has to', async () => {
    const timeline = new Written()
    let last = timeline.made('a')
    for (let n = 0; n < 500; n++) last = timeline.made('a', last)
    const [one, other] = [timeline.made('a', last), timeline.made('b', last)]
    timeline.reads = 0
    assert.deepEqual(await lastCommon(one, other, timeline), [last])
    assert.ok(timeline.reads < 10, `${timeline.reads} reads`)
  })

  test('is nothing, for strangers', async () => {
    const timeline = new Written()
    assert.deepEqual(await common(timeline, timeline.made('a'), timeline.made('b')), [])
  })

  test('is found along the parents, where there are no clocks', async () => {
    const timeline = new Written()
    const first = timeline.unclocked()
    const last = timeline.unclocked(timeline.unclocked(first))
    const [one, other] = [timeline.unclocked(last), timeline.made('b', timeline.made('b', last))]
    assert.deepEqual(await common(timeline, one, other), [last])
    assert.deepEqual(await common(timeline, timeline.unclocked(first), other), [first])
  })

  test('is found along the parents, where a device has forked', async () => {
    const timeline = new Written()
    const base = timeline.made('b', timeline.made('a'))
    const [x, y] = [timeline.made('a', base), timeline.made('a', base, base)]
    assert.notEqual(x.id, y.id)
    assert.deepEqual(await common(timeline, x, y), [base])
  })

  test('of what knows the same one is enough, and of what came before another none', () => {
    const timeline = new Written()
    const [a, b] = [timeline.made('a'), timeline.made('b')]
    const [one, other] = [timeline.merged(a, b), timeline.merged(b, a, b)]
    const smaller = one.id < other.id ? one : other
    assert.deepEqual(lastOf([a, one, b, other, one]), [smaller])
    assert.deepEqual(lastOf([]), [])
  })
})
