import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { peel, SetIndex, sketchKey } from '../../../src/reconcile/index.ts'
import { digestOf, digestsOf, profileChoice, runs, salts, sets, sketchOf, without } from './sets.ts'

const changes = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 300 })), { maxLength: 400 })

suite('a set index', () => {
  test('is a set: repeated adds and missing deletes change nothing', () => {
    fc.assert(
      fc.property(changes, salts, profileChoice, (steps, salt, profile) => {
        const model = new Set<number>()
        const index = new SetIndex<number>()
        const kept = index.keep({ salt, size: 64, profile })
        for (const [adds, item] of steps) {
          if (adds) assert.equal(index.add(digestOf(item), item), !model.has(item))
          else assert.equal(index.delete(digestOf(item)), model.has(item))
          if (adds) model.add(item)
          else model.delete(item)
        }
        assert.equal(index.size, model.size)
        const items = Array.from({ length: index.size }, (_, entry) => index.item(entry))
        assert.deepEqual(new Set(items), model)
        items.forEach((item, entry) => assert.deepEqual(index.digest(entry), digestOf(item)))
        for (let item = 0; item <= 300; item++) assert.equal(index.has(digestOf(item)), model.has(item))
        const fresh = sketchOf(model, salt, 64, profile)
        assert.deepEqual(kept.cells, fresh.cells)
        assert.ok(kept.root.equals(fresh.root))
        assert.ok(index.root.equals(fresh.root))
      }),
      runs(60),
    )
  })

  test('tells added from removed, and the root after', () => {
    fc.assert(
      fc.property(sets, sets, salts, (mine, theirs, salt) => {
        const key = sketchKey(salt)
        const local = new SetIndex<number>()
        for (const item of mine) local.add(digestOf(item), item)
        const remote = new SetIndex<number>()
        for (const item of theirs) remote.add(digestOf(item), item)
        const size = 1000
        const ids = peel(remote.sketch({ salt: key, size }).subtract(local.sketch({ salt: key, size })))
        assert.ok(ids !== undefined)
        const { added, removed } = local.resolve(key, ids)
        const gained = Array.from({ length: added.length / 2 }, (_, at) =>
          remote.item(remote.find(key, added[2 * at]!, added[2 * at + 1]!)),
        )
        assert.deepEqual(new Set(gained), new Set(without(theirs, mine)))
        const lost = removed.map((entry) => local.item(entry))
        assert.deepEqual(new Set(lost), new Set(without(mine, theirs)))
        assert.ok(local.rootAfter(removed, digestsOf(gained)).equals(remote.root))
      }),
      runs(100),
    )
  })
})
