import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compareClocks } from '../../../src/object/clock.ts'
import type { DirectoryEntry } from '../../../src/object/entry.ts'
import type { Id } from '../../../src/object/id.ts'
import { lastCommon, placed } from '../../../src/sync/base.ts'
import type { Head } from '../../../src/sync/head.ts'
import { mergeHeads, noDevice } from '../../../src/sync/merge/merge-heads.ts'
import { fuzz } from '../../suites/arbitraries.ts'
import { putInto } from '../../suites/merging.ts'
import { ModelReplicas } from '../../suites/model-replicas.ts'
import { modelEdits, readModel, type ModelEdit } from '../../suites/model-tree.ts'

const runs = { numRuns: 100 * fuzz }

type Step =
  | { readonly edits: readonly ModelEdit[]; readonly at: number }
  | { readonly pair: readonly [number, number]; readonly both: boolean }

const replica = fc.nat(2)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ edits: modelEdits(4, 1), at: replica }),
    fc
      .tuple(replica, replica)
      .filter(([n, m]) => n !== m)
      .chain((pair) => fc.boolean().map((both) => ({ pair, both }))),
  ),
  { minLength: 4, maxLength: 20, size: 'max' },
)

async function play(given: readonly Step[], introduced: boolean): Promise<ModelReplicas> {
  const replicas = await ModelReplicas.make(3, introduced)
  for (const step of given) {
    if ('edits' in step) await replicas.edit(step.at, step.edits)
    else if (step.both) await replicas.exchange(...step.pair)
    else await replicas.pull(...step.pair)
  }
  return replicas
}

/** All exchange with one another until nothing changes. */
async function settle(replicas: ModelReplicas): Promise<void> {
  for (let round = 0; round < 4; round++) {
    for (const [n, m] of [
      [0, 1],
      [1, 2],
      [2, 0],
    ] as const)
      await replicas.exchange(n, m)
    if (new Set(replicas.heads.map(({ id }) => id)).size === 1) return
  }
  assert.fail('the replicas do not become equal')
}

suite('mergeHeads', () => {
  test('gives the same snapshot, byte for byte, whichever is called one', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (given, introduced) => {
        const replicas = await play(given, introduced)
        const [one, other] = [replicas.heads[0]!, replicas.heads[1]!]
        const bases = await lastCommon(one, other, replicas)
        assert.deepEqual(await lastCommon(other, one, replicas), bases)
        const options = putInto(replicas.store)
        const a = await mergeHeads(replicas.store, one, other, bases, options)
        const b = await mergeHeads(replicas.store, other, one, bases.toReversed(), options)
        assert.deepEqual(a.bytes, b.bytes)
        assert.deepEqual(a, b)
        assert.notEqual(compareClocks(placed(one), placed(a.head)), 'after')
      }),
      runs,
    )
  })

  test('brings three replicas together, in whatever order they meet, and then makes no more merges', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (given, introduced) => {
        const replicas = await play(given, introduced)
        await settle(replicas)
        const { merges } = replicas
        await settle(replicas)
        assert.equal(replicas.merges, merges)
      }),
      runs,
    )
  })

  test('loses nothing on the way: what is gone was taken away by someone who had it', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (given, introduced) => {
        const replicas = await play(given, introduced)
        await settle(replicas)
        const all = [...replicas.snapshots.values()]
        const counts = new Map<Id, Map<string, number>>()
        for (const { id, snapshot } of all) counts.set(id, await countData(replicas, snapshot.root))
        const made = all.filter(({ snapshot }) => snapshot.device !== noDevice)
        const before = ({ snapshot }: Head, datum: string): number =>
          Math.max(0, ...snapshot.parents.map((id) => counts.get(id)!.get(datum) ?? 0))
        const final = counts.get(replicas.heads[0]!.id)!
        for (const head of made) {
          for (const datum of counts.get(head.id)!.keys()) {
            if (before(head, datum) > 0 || final.has(datum)) continue
            // Of two places of the same datum two may each have taken one.
            const taker = made.find(
              (other) =>
                compareClocks(placed(head), placed(other)) === 'before' &&
                before(other, datum) > (counts.get(other.id)!.get(datum) ?? 0),
            )
            assert.ok(taker, `${datum} is lost`)
          }
        }
      }),
      runs,
    )
  })
})

/** How often each content of a file, and each target of a symlink, is in a tree. */
async function countData(replicas: ModelReplicas, root: DirectoryEntry): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const text of (await readModel(replicas.store, root)).values())
    if (/^(file|link): /.test(text)) counts.set(text, (counts.get(text) ?? 0) + 1)
  return counts
}
