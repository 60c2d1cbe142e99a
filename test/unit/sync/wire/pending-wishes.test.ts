import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { idOf, type Id } from '../../../../src/object/id.ts'
import { PendingWishes } from '../../../../src/sync/wire/pending-wishes.ts'

const ids: readonly Id[] = Array.from({ length: 20_000 }, (_, n) => idOf(Uint8Array.of(n & 0xff, n >> 8)))

function wishing(wishes: readonly Id[]): PendingWishes<{ readonly id: Id }> {
  const pending = new PendingWishes<{ readonly id: Id }>()
  for (const id of wishes) pending.put({ id })
  return pending
}

suite('wishes that wait', () => {
  test('are answered in order, those that were answered before their turn left out', () => {
    const [a, b, c] = ids as [Id, Id, Id]
    const pending = wishing([a, b, a, c])
    assert.ok(pending.answer(b))
    assert.ok(!pending.answer(b))
    assert.equal(pending.take()?.id, a)
    assert.ok(pending.answer(a))
    assert.ok(!pending.answer(a))
    assert.equal(pending.take()?.id, c)
    assert.equal(pending.take(), undefined)
  })

  test('are not held once they have been answered, however', () => {
    const pending = wishing(ids)
    for (let n = 0; n < ids.length; n += 100)
      for (const id of ids.slice(n, n + 100).toReversed()) assert.ok(pending.answer(id))
    assert.ok(pending.held < 5000, `${pending.held}`)
    assert.equal(pending.take(), undefined)
  })
})
