import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { initFolder } from '../../../src/folder/folder.ts'
import { restore } from '../../../src/history/restore.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import { anyTree, describeAny } from '../../suites/any-tree.ts'
import { makeTree } from '../../suites/make-tree.ts'
import { readFolder, type Described } from '../../suites/read-folder.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const numRuns = Math.ceil(25 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
const asRoot = process.getuid?.() === 0

/** Of files large enough to be looked at for holes: none may take more room than what it was made from. */
function assertHoles(source: string, target: string, described: Described): void {
  for (const path of described.keys()) {
    const [before, after] = [source, target].map((root) =>
      lstatSync(Buffer.from(`${root}/${path}`, 'latin1')),
    )
    if (before!.isFile() && before!.size > 65_536) assert.ok(after!.blocks <= before!.blocks, path)
  }
}

suite('a snapshot of any tree', () => {
  test('restores equal to the folder, holes and all', async (t) => {
    const parent = memoryDirectory(t)
    await fc.assert(
      fc.asyncProperty(anyTree({ asRoot }), async (tree) => {
        const [source, target] = [`${parent}/source`, `${parent}/target`]
        for (const path of [source, target, `${parent}/repository`])
          rmSync(path, { recursive: true, force: true })
        mkdirSync(source)
        const folder = await initFolder(source, { repository: `${parent}/repository` })
        try {
          makeTree(source, tree)
          const report = await takeSnapshot(folder)
          assert.deepEqual(report.problems, [])
          const repository = await folder.repository()
          const restored = await restore(repository, report.snapshot!.root, target)
          assert.deepEqual(restored.problems, [])
          const described = readFolder(target)
          assert.deepEqual(described, describeAny(tree))
          assertHoles(source, target, described)

          const again = await takeSnapshot(folder)
          assert.equal(again.id, undefined, 'nothing has changed')
        } finally {
          folder.close()
        }
      }),
      { numRuns },
    )
  })
})
