import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { DirectoryEntry, Entry } from '../../../src/object/entry.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { compareTrees } from '../../../src/tree/compare-trees.ts'
import { equalEntries } from '../../../src/tree/equal-entries.ts'
import { lookUp } from '../../../src/tree/directory.ts'
import { comparePaths } from '../../../src/tree/path.ts'
import { walkTree } from '../../../src/tree/walk.ts'
import { plant, type Plant } from '../../suites/plant.ts'

const runs = 100 * Number(process.env['TIDEMARK_FUZZ'] ?? 1)

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'a!', 'a-b', 'é', '\u{1f30a}', '\uffee', '\udc80'),
  fc.integer({ min: 0, max: 500 }).map((n) => `n${n}`),
)
const { tree } = fc.letrec<{ tree: { [name: string]: Plant }; node: Plant }>((tie) => ({
  tree: fc.dictionary(name, tie('node'), { maxKeys: 12, noNullPrototype: true }),
  node: fc.oneof({ depthSize: 'small' }, fc.constantFrom('', 'x', 'y', 'zzz'), tie('tree')),
}))
/** Large enough for several leaves and nodes. */
const wide = fc
  .uniqueArray(fc.integer({ min: 0, max: 4000 }), { maxLength: 1500, size: 'max' })
  .map((numbers): { [name: string]: Plant } =>
    Object.fromEntries(numbers.map((n) => [`file ${n}`, `content ${n % 7}`])),
  )

async function all(store: MemoryStore, root: DirectoryEntry): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>()
  for await (const { path, entry } of walkTree(store, root)) found.set(path, entry)
  return found
}

async function checkPair(one: { [name: string]: Plant }, two: { [name: string]: Plant }): Promise<void> {
  const store = new MemoryStore()
  const [before, after] = [await plant(store, one), await plant(store, two)]
  const [old, now] = [await all(store, before), await all(store, after)]
  const expected = [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => {
      const [a, b] = [old.get(path), now.get(path)]
      return a === undefined || b === undefined || !equalEntries(a, b)
    })
    .toSorted(comparePaths)
  const found: string[] = []
  for await (const batch of compareTrees(store, before, after)) {
    for (const { path, before, after } of batch) {
      found.push(path)
      assert.equal(before, before && (await same(before, old.get(path))))
      assert.equal(after, after && (await same(after, now.get(path))))
    }
  }
  assert.deepEqual(found, expected)
}

async function same(entry: Entry, other: Entry | undefined): Promise<Entry | undefined> {
  return other && equalEntries(entry, other) ? entry : other
}

suite('compareTrees and walkTree', () => {
  test('finds just the paths that differ, in path order', async () => {
    await fc.assert(fc.asyncProperty(tree, tree, checkPair), { numRuns: runs })
  })

  test('finds them in directories of several leaves and nodes', async () => {
    await fc.assert(fc.asyncProperty(wide, wide, checkPair), { numRuns: Math.ceil(runs / 10) })
    const step = fc.tuple(wide, fc.dictionary(name, fc.constantFrom('p', 'q'), { noNullPrototype: true }))
    await fc.assert(
      fc.asyncProperty(step, ([base, more]) => checkPair(base, { ...base, ...more })),
      { numRuns: Math.ceil(runs / 10) },
    )
  })

  test('walks what was planted, in path order, and looks each path up again', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (planted) => {
        const store = new MemoryStore()
        const root = await plant(store, planted)
        const found = await all(store, root)
        const paths = [...found.keys()]
        assert.deepEqual(paths, paths.toSorted(comparePaths))
        assert.deepEqual(new Set(paths), new Set(pathsOf(planted, '')))
        for (const [path, entry] of found) assert.deepEqual(await lookUp(store, root, path), entry)
        assert.equal(await lookUp(store, root, 'no such name'), undefined)
      }),
      { numRuns: runs },
    )
  })
})

function pathsOf(planted: { [name: string]: Plant }, prefix: string): string[] {
  return Object.entries(planted).flatMap(([name, what]) =>
    typeof what === 'string'
      ? [prefix + name]
      : [prefix + name, ...pathsOf(what as { [name: string]: Plant }, `${prefix}${name}/`)],
  )
}
