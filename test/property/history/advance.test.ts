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
