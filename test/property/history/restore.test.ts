import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { restore, type RestoreReport } from '../../../src/history/restore.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { anyTree, canHaveXattrs, describeAny, plantAny, type AnyNode } from '../../suites/any-tree.ts'
import { CountingStore } from '../../suites/counting-store.ts'
import { readFolder } from '../../suites/read-folder.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const numRuns = Math.ceil(30 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
const asRoot = process.getuid?.() === 0
const anyPlainTree = anyTree({ asRoot }).map(withoutForeignXattrs)

/** Attributes where Linux allows them: their loss elsewhere is tested by itself. */
function withoutForeignXattrs(node: AnyNode): AnyNode {
  const children = node.children.map(([name, child]) => [name, withoutForeignXattrs(child)] as const)
  return { ...node, children, xattrs: canHaveXattrs(node) ? node.xattrs : [] }
}

function assertWhole(report: RestoreReport): void {
  assert.deepEqual(report.problems, [])
}

suite('restore, of any tree', () => {
  test('gives back what was kept', async (t) => {
    const parent = temporaryDirectory(t)
    await fc.assert(
      fc.asyncProperty(anyPlainTree, async (tree) => {
        const store = new MemoryStore()
        const root = await plantAny(store, tree)
        const target = `${parent}/target`
        rmSync(target, { recursive: true, force: true })
        const report = await restore(store, root, target)
        assertWhole(report)
        assert.deepEqual(readFolder(target), describeAny(tree))
        assert.equal(report.unchanged, 0)
      }),
      { numRuns },
    )
  })

  for (const way of ['looked at', 'as a tree'] as const) {
    test(`makes one tree of another (${way}), then finds nothing to do`, async (t) => {
      const parent = temporaryDirectory(t)
      await fc.assert(
        fc.asyncProperty(anyPlainTree, anyPlainTree, async (before, after) => {
          const store = new CountingStore(new MemoryStore())
          const memory = new MemoryStore()
          const [old, wanted] = [await plantAny(memory, before), await plantAny(memory, after)]
          const target = `${parent}/target`
          rmSync(target, { recursive: true, force: true })
          mkdirSync(target)
          assertWhole(await restore(memory, old, target))
          const current = way === 'as a tree' ? { store: memory, root: old } : undefined
          assertWhole(await restore(memory, wanted, target, { delete: true, current }))
          assert.deepEqual(readFolder(target), describeAny(after))

          const again = await restore(memory, wanted, target, { delete: true, dryRun: true })
          assert.deepEqual(
            [again.files, again.metadata, again.deleted, again.links, again.specials],
            [0, 0, 0, 0, 0],
          )
          assert.equal(store.reads.length, 0)
        }),
        { numRuns },
      )
    })
  }
})

test('makes nothing on a dry run', async (t) => {
  const parent = temporaryDirectory(t)
  await fc.assert(
    fc.asyncProperty(anyPlainTree, async (tree) => {
      const store = new MemoryStore()
      const root = await plantAny(store, tree)
      const report = await restore(store, root, `${parent}/target`, { dryRun: true })
      assert.equal(existsSync(`${parent}/target`), false)
      const { directories, files, specials, links } = report
      // The root is a directory that no tree counts.
      assert.equal(directories - 1 + files + specials + links, root.count)
    }),
    { numRuns },
  )
})
