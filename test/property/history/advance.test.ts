import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { initFolder } from '../../../src/folder/folder.ts'
import { restore } from '../../../src/history/restore.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import type { DirectoryEntry } from '../../../src/object/entry.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { advanceTo, capture } from '../../suites/advance-to.ts'
import { anyTree, canHaveXattrs, plantAny, type AnyNode } from '../../suites/any-tree.ts'
import { readFolder } from '../../suites/read-folder.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const numRuns = Math.ceil(10 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
const asRoot = process.getuid?.() === 0
const anyPlainTree = anyTree({ asRoot }).map(withoutForeignXattrs)

function withoutForeignXattrs(node: AnyNode): AnyNode {
  const children = node.children.map(([name, child]) => [name, withoutForeignXattrs(child)] as const)
  return { ...node, children, xattrs: canHaveXattrs(node) ? node.xattrs : [] }
}

/** As another copy of the folder has it, which keeps it in the same repository. */
async function treeOf(tree: AnyNode, root: string, repository: string): Promise<DirectoryEntry> {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root)
  const memory = new MemoryStore()
  await restore(memory, await plantAny(memory, tree), root)
  const folder = await initFolder(root, { repository })
  try {
    return (await takeSnapshot(folder)).snapshot!.root
  } finally {
    folder.close()
  }
}

function workingFiles(root: string): Map<string, string> {
  return new Map([...readFolder(root)].filter(([path]) => !path.startsWith('.tidemark')))
}

/** A node of the tree goes elsewhere. */
interface Relocation {
  readonly which: number
  readonly to: number
  readonly name: string
}

const relocations: fc.Arbitrary<Relocation[]> = fc.array(
  fc.record({ which: fc.nat(), to: fc.nat(), name: fc.constantFrom('a', 'b', 'moved', 'new') }),
  { minLength: 1, maxLength: 4 },
)

type Path = readonly number[]

function relocate(root: AnyNode, { which, to, name }: Relocation): AnyNode {
  const all = placesIn(root)
  if (all.length === 0) return root
  const from = all[which % all.length]!
  const node = nodeAt(root, from)
  const rest = edit(root, from.slice(0, -1), (children) => children.toSpliced(from.at(-1)!, 1))
  const directories = [[], ...placesIn(rest).filter((path) => nodeAt(rest, path).kind === 'directory')]
  return edit(rest, directories[to % directories.length]!, (children) => [
    ...children.filter(([other]) => other !== name),
    [name, node],
  ])
}

function placesIn(node: AnyNode, path: Path = []): Path[] {
  if (node.kind !== 'directory') return []
  return node.children.flatMap(([, child], n) => [[...path, n], ...placesIn(child, [...path, n])])
}

function nodeAt(node: AnyNode, path: Path): AnyNode {
  return path.reduce((at, n) => at.children[n]![1], node)
}

type Children = AnyNode['children']

function edit(node: AnyNode, path: Path, change: (children: Children) => Children): AnyNode {
  const [first, ...below] = path
  if (first === undefined) return { ...node, children: change(node.children) }
  const [name, child] = node.children[first]!
  return { ...node, children: node.children.with(first, [name, edit(child, below, change)]) }
}

test('a folder goes on to a tree in which things stand elsewhere, by renaming them', async (t) => {
  const parent = temporaryDirectory(t)
  let moved = 0
  await fc.assert(
    fc.asyncProperty(anyPlainTree, relocations, async (before, moves) => {
      const after = moves.reduce(relocate, before)
      const root = `${parent}/folder`
      rmSync(root, { recursive: true, force: true })
      mkdirSync(root)
      const memory = new MemoryStore()
      await restore(memory, await plantAny(memory, before), root)
      const folder = await initFolder(root)
      try {
        const other = await treeOf(after, `${parent}/other`, `${root}/.tidemark/repository`)
        const from = await capture(folder)
        const advanced = await advanceTo(folder, from, async () => other)
        assert.ok(advanced.done)
        assert.equal(advanced.head.id, advanced.to.id)
        moved += advanced.applied!.moved.length
        assert.deepEqual(workingFiles(root), workingFiles(`${parent}/other`))
        assert.equal((await takeSnapshot(folder)).id, undefined)
      } finally {
        folder.close()
      }
    }),
    { numRuns: 3 * numRuns },
  )
  assert.ok(moved > 0)
})

for (const everything of [false, true]) {
  test(`a folder goes on to any tree, and ${everything ? 'everything' : 'what was touched'} is what a look at it says`, async (t) => {
    const parent = temporaryDirectory(t)
    await fc.assert(
      fc.asyncProperty(anyPlainTree, anyPlainTree, async (before, after) => {
        const root = `${parent}/folder`
        rmSync(root, { recursive: true, force: true })
        mkdirSync(root)
        const memory = new MemoryStore()
        await restore(memory, await plantAny(memory, before), root)
        const folder = await initFolder(root)
        try {
          const from = await capture(folder)
          const other = await treeOf(after, `${parent}/other`, `${root}/.tidemark/repository`)
          const { head, to, done, problems } = await advanceTo(folder, from, async () => other, {
            everything,
          })
          assert.deepEqual(problems, [])
          assert.equal(done, true)
          assert.deepEqual(head.snapshot.root, to.snapshot.root)
          assert.equal(head.id, to.id)
          // What is remembered leads to the same as what is read.
          assert.equal((await takeSnapshot(folder)).id, undefined)
          const state = folder.state()
          await state.begin(0)
          state.clear()
          state.commit()
          const again = await takeSnapshot(folder)
          assert.deepEqual([again.id, again.parent], [undefined, to.id])
        } finally {
          folder.close()
        }
      }),
      { numRuns },
    )
  })
}
