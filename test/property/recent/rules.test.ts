import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  aggregate,
  compareEpochs,
  emptyFile,
  epochOfMicroseconds,
  isOrdered,
  update,
  type Change,
  type Recentfile,
} from '../../../src/recent/index.ts'
import { fuzz } from '../../suites/arbitraries.ts'
import { MemoryShelf } from '../../suites/memory-shelf.ts'

const intervals = ['2s', '8s', '30s', '2m', 'Z']

type Step =
  | { readonly kind: 'wait'; readonly micros: number }
  | { readonly kind: 'tell'; readonly changes: readonly (Change & { readonly age?: number | undefined })[] }
  | { readonly kind: 'aggregate'; readonly force: boolean }

const paths = fc.constantFrom('a', 'b', 'c', 'd/e', 'd/f', 'g', 'h', 'i')
const change = fc.record({
  path: paths,
  type: fc.constantFrom('new' as const, 'new' as const, 'delete' as const),
  detail: fc.option(fc.constantFrom('l x', 'l y'), { nil: undefined }),
  // Seconds into the past; some come together.
  age: fc.option(fc.constantFrom(0, 1, 5, 5, 100, 5000, 1e7), { nil: undefined, freq: 2 }),
})
const plainChange = change.map((one) => ({ ...one, age: undefined }))
const steps = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        micros: fc.integer({ min: -9e6, max: 4e7 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('tell' as const),
        changes: fc.array(plainChange, { minLength: 1, maxLength: 5 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('tell' as const),
        changes: fc.array(change, { minLength: 1, maxLength: 5 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('aggregate' as const), force: fc.boolean() }) },
  ),
  { maxLength: 40 },
)

/** What a mirror makes of all files together: of each path, what the shortest file says that knows it. */
function together(files: readonly Recentfile[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { events } of files)
    for (const { path, type, detail } of events) {
      if (!found.has(path)) found.set(path, `${type} ${detail}`)
    }
  for (const [path, what] of found) if (what.startsWith('delete')) found.delete(path)
  return found
}

test('whatever happens: the files together tell of the tree, each keeps the law, and coverage is what it says', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const shelf = new MemoryShelf()
      let micros = 1_795_293_114_000_000n
      const producer = {
        now() {
          micros += 3n
          shelf.clock = Number(micros) / 1e6
          return epochOfMicroseconds(micros)
        },
        names: {},
      }
      const tree = new Map<string, string>()
      shelf.write(emptyFile({ interval: '2s', aggregator: intervals }))
      for (const step of history as readonly Step[]) {
        if (step.kind === 'wait') micros += BigInt(step.micros)
        else if (step.kind === 'aggregate') aggregate('2s', shelf, producer, { force: step.force })
        else {
          const changes = step.changes.map(({ age, ...rest }) => ({
            ...rest,
            epoch: age === undefined ? undefined : epochOfMicroseconds(micros - BigInt(age) * 1_000_000n),
          }))
          shelf.write(update(shelf.read('2s')!, changes, producer))
          for (const { path, type, detail } of step.changes) {
            if (type === 'new') tree.set(path, `new ${detail}`)
            else tree.delete(path)
          }
        }
        const files = intervals.map((interval) => shelf.read(interval)).filter((file) => file !== undefined)
        for (const { meta, events } of files) {
          assert.ok(isOrdered(events), `${meta.interval} is out of order`)
          assert.equal(meta.minmax?.max, events[0]?.epoch)
          assert.equal(meta.minmax?.min, events.at(-1)?.epoch)
        }
        assert.deepEqual(together(files), tree)
        // A mirror that has all of a longer file has all that the shorter ones merged into it.
        for (const [at, { meta }] of files.entries()) {
          const next = files[at + 1]
          if (
            next === undefined ||
            meta.merged?.epoch === undefined ||
            meta.dirtymark !== next.meta.dirtymark
          )
            continue
          const max = next.meta.minmax?.max
          assert.ok(max === undefined || compareEpochs(max, meta.merged.epoch) >= 0)
        }
      }
    }),
    { numRuns: 300 * fuzz },
  )
})
