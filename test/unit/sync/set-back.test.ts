import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { nextClock } from '../../../src/object/clock.ts'
import { placed } from '../../../src/sync/base.ts'
import type { Head } from '../../../src/sync/head.ts'
import type { Peer } from '../../../src/sync/peer.ts'
import { wasSetBack } from '../../../src/sync/set-back.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { joinClocks } from '../../../src/object/clock.ts'
import { noDevice } from '../../../src/sync/merge/merge-heads.ts'
import { plantModel } from '../../suites/model-tree.ts'
import { directory } from '../../suites/model-nodes.ts'
import { makeSnapshot } from '../../suites/timeline.ts'

const [a, b] = ['a'.repeat(32), 'b'.repeat(32)]
const root = await plantModel(new MemoryStore(), directory({ f: 'x' }))

function made(device: string, after: readonly Head[], message = ''): Head {
  const parents = after.map(({ id }) => id).toSorted()
  return makeSnapshot({ device, parents, clock: nextClock(after.map(placed), device), root, message })
}

function merged(heads: readonly Head[], message: string): Head {
  const parents = heads.map(({ id }) => id).toSorted()
  return makeSnapshot({ device: noDevice, parents, clock: joinClocks(heads.map(placed)), root, message })
}

/** A peer of which only its device and what it finds counts. */
function peerWith(bases: readonly Head[]): Peer {
  return { device: b, bases: async () => bases } as Partial<Peer> as Peer
}

suite('a peer that was set back', () => {
  const start = made(a, [])
  const sides = [made(a, [start]), made(b, [start])]
  const [mine, twin] = [merged(sides, 'in one order'), merged(sides, 'in another')]
  const theirs = made(b, [twin])

  test('is not one that has gone on from another merge of the same', async () => {
    assert.equal(await wasSetBack(peerWith([twin]), mine, theirs, {}), false)
  })

  test('is one that does not know what comes before its own', async () => {
    assert.equal(await wasSetBack(peerWith([start]), mine, theirs, {}), true)
    assert.equal(await wasSetBack(peerWith([]), mine, theirs, {}), true)
  })
})
