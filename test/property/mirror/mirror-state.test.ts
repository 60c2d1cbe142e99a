import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import * as fc from 'fast-check'
import { MirrorState } from '../../../src/mirror/follow/mirror-state.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const paths = ['a', 'b/c', 'b/d', 'é']
const hashes = ['A'.repeat(43), 'B'.repeat(43)]
const detailOf = (n: number): string => `f 644 ${n}.000000000 ${n} ${hashes[n % 2]}`

/** What happens to a path: `n` tells one detail from another. */
type Deed = readonly [kind: (typeof kinds)[number], path: string, n: number]
const kinds = ['settle', 'tell', 'delete', 'forget', 'keep', 'want', 'retire', 'unkeep', 'sweep'] as const

function carryOut(state: MirrorState, [kind, path, n]: Deed): void {
  const { items, work } = state
  const told = { path, epoch: String(n), detail: detailOf(n), round: n % 4 }
  const known = items.find(path)
  if (kind === 'settle') items.settle(told)
  else if (kind === 'tell') work.tell({ ...told, gone: false, tier: 0, rank: n })
  else if (kind === 'delete') work.tell({ ...told, gone: true, detail: '', tier: 0, rank: n })
  else if (kind === 'forget') items.forget(path)
  else if (kind === 'keep' && known !== undefined) items.keep(known)
  else if (kind === 'want') work.want(path, 0, n)
  else if (kind === 'retire') work.retire(path, n)
  else if (kind === 'unkeep') work.unkeep()
  else if (kind === 'sweep') work.sweep(n % 4, 0, n)
}

/** All that can be asked of a state, which changes nothing. */
function told(state: MirrorState): unknown {
  const { items, work } = state
  return {
    found: paths.map((path) => items.find(path)),
    same: hashes.map((hash) => items.withContent(hash, 10).toSorted((a, b) => (a.path < b.path ? -1 : 1))),
    wanted: work.wanted(9, 10),
    deletes: work.deletes(9, 10),
    counts: state.counts(),
  }
}

function opened(t: TestContext): (name: string) => MirrorState {
  const directory = memoryDirectory(t)
  return (name) => MirrorState.open(join(directory, `${name}.db`))
}

test('whether an item was put in its place lately changes nothing that is known of it', (t) => {
  const open = opened(t)
  const deed = fc.tuple(fc.constantFrom(...kinds), fc.constantFrom(...paths), fc.integer({ min: 1, max: 12 }))
  let run = 0
  fc.assert(
    fc.property(fc.array(deed, { minLength: 1, maxLength: 30 }), (deeds) => {
      const [young, old] = [open(`young-${++run}`), open(`old-${run}`)]
      try {
        for (const deed of deeds) {
          for (const state of [young, old]) state.step(() => carryOut(state, deed))
          old.items.age()
          assert.deepEqual(told(young), told(old))
        }
        assert.equal(young.items.count(), old.items.count())
        assert.deepEqual([...young.items.all()], [...old.items.all()])
      } finally {
        young.close()
        old.close()
      }
    }),
    { numRuns: 60 * Number(process.env['TIDEMARK_FUZZ'] ?? 1) },
  )
})

test('a step that is undone leaves what was young', (t) => {
  const state = opened(t)('state')
  t.after(() => state.close())
  state.step(() => state.items.settle({ path: 'a', epoch: '1', detail: detailOf(1), round: 1 }))
  assert.throws(() =>
    state.step(() => {
      state.items.age()
      throw new Error('undone')
    }),
  )
  assert.deepEqual(
    [...state.items.all()].map(({ path, have }) => [path, have]),
    [['a', detailOf(1)]],
  )
})

test('many that are young go over to the others', (t) => {
  const directory = memoryDirectory(t)
  const path = join(directory, 'state.db')
  const state = MirrorState.open(path)
  for (let from = 0; from < 24_000; from += 8000) {
    state.step(() => {
      for (let i = from; i < from + 8000; i++)
        state.items.settle({ path: `f${i}`, epoch: '1', detail: detailOf(i), round: 1 })
    })
  }
  state.step(() => state.items.settle({ path: 'f0', epoch: '2', detail: detailOf(5), round: 1 }))
  state.close()
  using database = new DatabaseSync(path)
  const count = (table: string): unknown =>
    database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']
  assert.deepEqual([count('item'), count('young')], [24_000, 1])
})

test('a state of the form before is taken over', (t) => {
  const directory = memoryDirectory(t)
  const path = join(directory, 'state.db')
  const first = MirrorState.open(path)
  first.items.settle({ path: 'a', epoch: '1', detail: detailOf(1), round: 1 })
  first.items.age()
  first.close()
  const database = new DatabaseSync(path)
  database.exec('DROP TABLE young; PRAGMA user_version = 2')
  database.close()
  const looking = MirrorState.open(path, { readOnly: true })
  assert.equal(looking.counts().wanted, 0)
  looking.close()
  const state = MirrorState.open(path)
  t.after(() => state.close())
  state.step(() => state.items.settle({ path: 'b', epoch: '2', detail: detailOf(2), round: 1 }))
  assert.deepEqual(
    [...state.items.all()].map((item) => item.path),
    ['a', 'b'],
  )
})
