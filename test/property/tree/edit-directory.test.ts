import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compareNames } from '../../../src/bytes/name.ts'
import type { Entry } from '../../../src/object/entry.ts'
import { idOf, type Id } from '../../../src/object/id.ts'
import { buildLeaves } from '../../../src/object/tree.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { editDirectory } from '../../../src/tree/edit-directory.ts'
import { CountingStore } from '../../suites/counting-store.ts'
import { fileEntry, plantDirectory } from '../../suites/plant.ts'
import { fuzz } from '../../suites/arbitraries.ts'

const numbers = (max: number): fc.Arbitrary<number[]> =>
  fc.uniqueArray(fc.integer({ min: 0, max: 20_000 }), { maxLength: max, size: 'max' })

function entry(n: number, size: number): Entry {
  return fileEntry(`file ${n}`, size, { depth: 0, id: idOf(new TextEncoder().encode(`${n} ${size}`)) })
}

function byName(a: Entry, b: Entry): number {
  return compareNames(a.name, b.name)
}

/** Where the first leaf ends that ends a node. */
function endOfNode(entries: readonly Entry[]): number {
  let end = 0
  for (const [n, leaf] of [...buildLeaves(entries)].entries()) {
    end += leaf.count
    if (n > 0 && idOf(leaf.bytes).charCodeAt(0) % 128 === 0) return end
  }
  throw new Error('all in one node')
}

function planting(): { store: MemoryStore; keep: (bytes: Uint8Array) => Id } {
  const store = new MemoryStore()
  const keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    void store.put(id, bytes)
    return id
  }
  return { store, keep }
}

suite('editDirectory', () => {
  const edits = fc.array(
    fc.record({
      start: fc.integer({ min: 0, max: 20_000 }),
      length: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4000 })),
      what: fc.constantFrom('remove' as const, 'change' as const, 'add' as const),
    }),
    { maxLength: 4 },
  )

  test('gives the very directory that all its entries would give', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(numbers(20), numbers(6000)),
        edits,
        fc.boolean(),
        async (given, edits, removeAll) => {
          const { store, keep } = planting()
          const before = new Map(given.map((n) => [`file ${n}`, entry(n, 1)]))
          const directory = plantDirectory('', [...before.values()], keep)
          const after = new Map(before)
          const made = new Map<string, Entry | undefined>()
          if (removeAll) for (const name of before.keys()) made.set(name, undefined)
          for (const { start, length, what } of edits) {
            for (let n = start; n < start + length; n++) {
              const name = `file ${n}`
              if (what === 'remove') made.set(name, undefined)
              else if (what === 'change' ? before.has(name) : n % 7 === 0) made.set(name, entry(n, 3))
            }
          }
          for (const [name, entry] of made) {
            if (entry) after.set(name, entry)
            else after.delete(name)
          }
          const sorted = Array.from(made, ([name, entry]) => ({ name, entry })).toSorted((a, b) =>
            compareNames(a.name, b.name),
          )
          const result = await editDirectory(store, directory, sorted, keep)
          const expected = plantDirectory('', [...after.values()], keep)
          const { content, size, count } = expected
          assert.deepEqual(
            { content: result.content, size: result.size, count: result.count },
            { content, size, count },
          )
        },
      ),
      { numRuns: 40 * fuzz },
    )
  })

  test('does so in a directory with nodes of several levels', async () => {
    const { store, keep } = planting()
    const all = Array.from({ length: 50_000 }, (_, n) => entry(n, 1)).toSorted(byName)
    const directory = plantDirectory('', all, keep)
    assert.equal(directory.content!.depth, 2)
    const ranges = fc.array(fc.tuple(fc.nat(all.length), fc.oneof(fc.nat(3), fc.nat(30_000))), {
      minLength: 1,
      maxLength: 3,
    })
    const check = async (removed: readonly (readonly [number, number])[]): Promise<void> => {
      const gone = new Set(removed.flatMap(([start, length]) => all.slice(start, start + length)))
      const edits = all.filter((one) => gone.has(one)).map(({ name }) => ({ name, entry: undefined }))
      const { content } = await editDirectory(store, directory, edits, keep)
      const left = all.filter((one) => !gone.has(one))
      assert.deepEqual(content, plantDirectory('', left, keep).content)
    }
    await fc.assert(fc.asyncProperty(ranges, check), { numRuns: 15 * fuzz })
  })

  test('leaves out a last node of one line when nothing else is left', async () => {
    const { store, keep } = planting()
    const all = Array.from({ length: 50_000 }, (_, n) => entry(n, 1)).toSorted(byName)
    const end = endOfNode(all)
    const directory = plantDirectory('', all.slice(0, end + 5), keep)
    const edits = all.slice(0, end).map(({ name }) => ({ name, entry: undefined }))
    const { content } = await editDirectory(store, directory, edits, keep)
    assert.deepEqual(content, plantDirectory('', all.slice(end, end + 5), keep).content)
  })

  test('joins nodes when the leaf that ended the first of them has changed', async () => {
    const { store, keep } = planting()
    const all = Array.from({ length: 50_000 }, (_, n) => entry(n, 1)).toSorted(byName)
    const directory = plantDirectory('', all, keep)
    // Not the last entry of the leaf, whose name ends it.
    const name = all[endOfNode(all) - 2]!.name
    const { content } = await editDirectory(store, directory, [{ name, entry: undefined }], keep)
    const left = all.filter((one) => one.name !== name)
    assert.deepEqual(content, plantDirectory('', left, keep).content)
  })

  test('reads a leaf and the nodes above it for one edit of very many entries', async () => {
    const { store, keep } = planting()
    const entries = Array.from({ length: 40_000 }, (_, n) => entry(n, 1))
    const directory = plantDirectory('', entries, keep)
    const counting = new CountingStore(store)
    const result = await editDirectory(
      counting,
      directory,
      [{ name: 'file 20000', entry: entry(20_000, 5) }],
      keep,
    )
    assert.equal(result.size, directory.size + 4)
    assert.ok(counting.reads.length <= directory.content!.depth + 3, `${counting.reads.length} reads`)
  })

  test('adds sizes up again when their sum was beyond what can be stated', async () => {
    const { store, keep } = planting()
    const huge = { ...entry(1, 1), size: Number.MAX_SAFE_INTEGER } as Entry
    const all = plantDirectory('', [huge, entry(2, 7)], keep)
    const directory = { ...all, size: Number.MAX_SAFE_INTEGER }
    const result = await editDirectory(store, directory, [{ name: 'file 1', entry: undefined }], keep)
    assert.equal(result.size, 7)
    assert.equal(result.count, 1)
  })
})
