import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ContentRef } from '../../../../src/object/content.ts'
import type { Id } from '../../../../src/object/id.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import type { Peer } from '../../../../src/sync/peer.ts'
import type { Connection } from '../../../../src/sync/wire/connection.ts'
import { treeNodes } from '../../../../src/sync/wire/tree-nodes.ts'
import { rejects } from '../../../suites/bucket-suite.ts'
import { MemoryPeer } from '../../../suites/memory-peer.ts'
import { plant, type Plant } from '../../../suites/plant.ts'
import { reachPeer, serviceOf } from '../../../suites/wire.ts'

/** `count` directories of some files each; those of `changed` have other files than usual. */
function forest(count: number, changed: readonly number[] = []): { readonly [name: string]: Plant } {
  return Object.fromEntries(
    Array.from({ length: count }, (_, number) => [
      `directory ${number}`,
      { a: `a of ${number}`, b: changed.includes(number) ? 'changed' : 'b', c: { d: `${number}` } },
    ]),
  )
}

async function* nothing(): AsyncGenerator<Id[]> {}

async function reach(
  t: TestContext,
  tree: { readonly [name: string]: Plant },
): Promise<{ peer: Peer; root: ContentRef; near: Connection }> {
  const served = new MemoryPeer()
  const { content } = await plant(served.store, tree)
  const { peer, near } = await reachPeer(t, serviceOf(served))
  return { peer, root: content!, near }
}

async function nodesOf(tree: { readonly [name: string]: Plant }): Promise<Set<Id>> {
  const store = new MemoryStore()
  const { content } = await plant(store, tree)
  return new Set((await Array.fromAsync(treeNodes(store, content!))).flat())
}

async function* some(ids: Iterable<Id>): AsyncGenerator<Id[]> {
  const all = [...ids]
  for (let at = 0; at < all.length; at += 100) yield all.slice(at, at + 100)
}

for (const [what, mine, theirs, most] of [
  ['nothing differs', forest(1000), forest(1000), 4000],
  ['one directory differs', forest(1000), forest(1000, [17]), 5000],
  [
    'a third differs',
    forest(3000),
    forest(
      3000,
      Array.from({ length: 1000 }, (_, at) => 3 * at),
    ),
    150_000,
  ],
  [
    'all differs',
    forest(
      700,
      Array.from({ length: 700 }, (_, at) => at),
    ),
    forest(700),
    70_000,
  ],
  ['there is little', { a: { b: 'c' } }, { a: { b: 'd' } }, 4000],
  ['this side has more', forest(1000), forest(900, [4]), 20_000],
] as const) {
  test(`nodes that are missing here are told where ${what}`, async (t) => {
    const { peer, root, near } = await reach(t, theirs)
    const [own, other] = [await nodesOf(mine), await nodesOf(theirs)]
    const before = near.received + near.sent
    const told = (await Array.fromAsync(peer.missingNodes!(root, some(own)))).flat()
    const bytes = near.received + near.sent - before
    assert.deepEqual(new Set(told), other.difference(own))
    assert.equal(told.length, new Set(told).size)
    assert.ok(bytes < most, `${bytes} bytes for ${told.length} of ${other.size}`)
  })
}

test('who has nothing is told all', async (t) => {
  const { peer, root } = await reach(t, forest(9000))
  const told = (await Array.fromAsync(peer.missingNodes!(root, nothing()))).flat()
  assert.deepEqual(new Set(told), await nodesOf(forest(9000)))
  // Leaving early takes the question back.
  for await (const ids of peer.missingNodes!(root, nothing())) {
    assert.ok(ids.length > 0)
    break
  }
})

test('a tree that is not there is missing, and whoever serves no store cannot be asked', async (t) => {
  const { peer } = await reach(t, forest(3))
  const absent = { depth: 0, id: '\x01'.repeat(32) }
  await rejects(Array.fromAsync(peer.missingNodes!(absent, nothing())), 'missing')
  const without = await reachPeer(t, serviceOf(new MemoryPeer(), { store: undefined }))
  assert.equal(without.peer.missingNodes, undefined)
})
