import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { DirectoryEntry, Entry } from '../../../src/object/entry.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { walkTree } from '../../../src/tree/walk.ts'
import { fuzz } from '../../suites/arbitraries.ts'
import { mergeIn } from '../../suites/merging.ts'
import {
  copyModel,
  editModel,
  emptyModel,
  modelEdits,
  plantModel,
  readModel,
  type ModelDirectory,
  type ModelEdit,
} from '../../suites/model-tree.ts'

const runs = { numRuns: 300 * fuzz }

/** A tree, and what became of it on two sides. */
interface Fork {
  readonly before: readonly ModelEdit[]
  readonly left: readonly ModelEdit[]
  readonly right: readonly ModelEdit[]
  /** Whether the base is known. */
  readonly introduced: boolean
}

const forks: fc.Arbitrary<Fork> = fc.record({
  before: modelEdits(16),
  left: modelEdits(6),
  right: modelEdits(6),
  introduced: fc.boolean(),
})

/** Without what cannot be read, which counts as unchanged. */
function readable({ before, left, right, introduced }: Fork): Fork {
  const [a, b, c] = [before, left, right].map((edits) =>
    edits.filter(({ action }) => action !== 'unreadable'),
  )
  return { before: a!, left: b!, right: c!, introduced }
}

interface Trees {
  readonly store: MemoryStore
  readonly base: DirectoryEntry | undefined
  readonly left: DirectoryEntry
  readonly right: DirectoryEntry
}

async function plantFork({ before, left, right, introduced }: Fork): Promise<Trees> {
  const store = new MemoryStore()
  const base = editModel(emptyModel(), before)
  return {
    store,
    base: introduced ? await plantModel(store, base) : undefined,
    left: await plantModel(store, editModel(copyModel(base), left)),
    right: await plantModel(store, editModel(copyModel(base), right)),
  }
}

/** Files and symlinks alone: what nobody may lose. */
function isData(what: string): boolean {
  return what.startsWith('file: ') || what.startsWith('link: ')
}

async function dataOf(store: MemoryStore, root: DirectoryEntry | undefined): Promise<Set<string>> {
  return new Set(root === undefined ? [] : [...(await readModel(store, root)).values()].filter(isData))
}

suite('mergeTrees', () => {
  test('gives the same tree whichever side is called left', async () => {
    await fc.assert(
      fc.asyncProperty(forks, async (fork) => {
        const { store, base, left, right } = await plantFork(fork)
        const one = await mergeIn(store, base, left, right)
        const other = await mergeIn(store, base, right, left, ['two', 'one'])
        assert.deepEqual(one, other)
      }),
      runs,
    )
  })

  test('of two equal sides is that, and of one that has not changed the other', async () => {
    await fc.assert(
      fc.asyncProperty(forks, async (fork) => {
        const { store, base, left, right } = await plantFork(fork)
        assert.deepEqual(await mergeIn(store, base, left, left), { root: left, conflicts: [] })
        if (base) assert.deepEqual(await mergeIn(store, base, base, right), { root: right, conflicts: [] })
        const { root } = await mergeIn(store, base, left, right)
        assert.deepEqual((await mergeIn(store, left, left, root)).root, root)
        assert.deepEqual((await mergeIn(store, right, root, right)).root, root)
      }),
      runs,
    )
  })

  test('loses nothing that a side has written since the base', async () => {
    await fc.assert(
      fc.asyncProperty(forks, async (fork) => {
        const { store, base, left, right } = await plantFork(fork)
        const { root } = await mergeIn(store, base, left, right)
        const [old, merged] = [await dataOf(store, base), await dataOf(store, root)]
        for (const side of [left, right])
          for (const data of await dataOf(store, side))
            assert.ok(old.has(data) || merged.has(data), `${data} is lost`)
        for (const data of merged) {
          // What could not be read counts as what it was.
          const sources = [left, right, base].map((tree) => dataOf(store, tree))
          assert.ok(
            (await Promise.all(sources)).some((source) => source.has(data)),
            `${data} comes from nowhere`,
          )
        }
      }),
      runs,
    )
  })

  test('deletes what one side has deleted and the other has not touched', async () => {
    await fc.assert(
      fc.asyncProperty(forks, async (fork) => {
        const { store, base, left, right } = await plantFork({ ...readable(fork), introduced: true })
        const { root } = await mergeIn(store, base, left, right)
        const [old, ours, theirs] = [base!, left, right].map((tree) => readEntries(store, tree))
        const merged = await readModel(store, root)
        for (const [path, entry] of await old!) {
          if (entry.startsWith('directory')) continue
          for (const [one, other] of [
            [await ours!, await theirs!],
            [await theirs!, await ours!],
          ]) {
            if (!one!.has(path) && other!.get(path) === entry)
              assert.ok(!merged.has(path), `${path} is still there`)
          }
        }
      }),
      runs,
    )
  })

  test('makes a conflict copy only where both have changed something in different ways', async () => {
    await fc.assert(
      fc.asyncProperty(forks, async (fork) => {
        const { store, base, left, right } = await plantFork(fork)
        const { conflicts, root } = await mergeIn(store, base, left, right)
        const merged = await readModel(store, root)
        for (const { path, copy } of conflicts) {
          assert.ok(merged.has(path), `nothing at ${path}`)
          if (copy !== undefined) assert.match(copy, / \(conflict 1970-01-01 00-00-0\d (one|two)( \d+)?\)/)
          if (copy !== undefined) assert.ok(isData(merged.get(copy)!), `nothing at ${copy}`)
        }
        for (const path of merged.keys())
          if (path.includes('(conflict')) assert.ok(conflicts.some(({ copy }) => copy === path))
      }),
      runs,
    )
  })

  test('is both, where they have changed different directories', async () => {
    await fc.assert(
      fc.asyncProperty(forks, async ({ before, left, right }) => {
        const store = new MemoryStore()
        const [a, b] = [editModel(emptyModel(), before), editModel(emptyModel(), [...before].toReversed())]
        const [one, other] = [editModel(copyModel(a), left), editModel(copyModel(b), right)]
        const plant = (children: readonly ModelDirectory[]): Promise<DirectoryEntry> => {
          const named = children.map((child, n) => [`${n}`, copyModel(child)] as const)
          return plantModel(store, { ...emptyModel(), children: new Map(named) })
        }
        const [base, ours, theirs] = [await plant([a, b]), await plant([one, b]), await plant([a, other])]
        const expected = { root: await plant([one, other]), conflicts: [] }
        assert.deepEqual(await mergeIn(store, base, ours, theirs), expected)
      }),
      runs,
    )
  })

  test('leaves a tree that is whole: sizes, counts, and links to what is there', async () => {
    await fc.assert(
      fc.asyncProperty(forks, async (fork) => {
        const { store, base, left, right } = await plantFork(fork)
        const { root } = await mergeIn(store, base, left, right)
        const entries = new Map<string, Entry>()
        let [size, count] = [0, 0]
        for await (const { path, entry } of walkTree(store, root)) {
          entries.set(path, entry)
          count++
          if (entry.kind === 'file') size += entry.size
          if (entry.link === undefined) continue
          // Entries come in path order, so the first name has been there.
          const first = entries.get(entry.link)
          assert.ok(first?.link === undefined, `${path} is a further name of a further name`)
          assert.deepEqual({ ...entry, link: undefined, name: first?.name }, first)
        }
        assert.deepEqual([root.size, root.count], [size, count])
      }),
      runs,
    )
  })
})

/** All that is said of each path, but for the sizes and contents of directories. */
async function readEntries(store: MemoryStore, root: DirectoryEntry): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const { path, entry } of walkTree(store, root)) {
    const text = JSON.stringify(entry, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    )
    found.set(path, entry.kind === 'directory' ? 'directory' : text)
  }
  return found
}
