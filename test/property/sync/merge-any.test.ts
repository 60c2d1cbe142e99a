import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { idToHex } from '../../../src/object/id.ts'
import type { DirectoryEntry } from '../../../src/object/entry.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { walkTree } from '../../../src/tree/walk.ts'
import { anyTree, plantAny } from '../../suites/any-tree.ts'
import { fuzz } from '../../suites/arbitraries.ts'
import { mergeIn } from '../../suites/merging.ts'

/** Contents of files, targets of symlinks and numbers of devices. */
async function dataOf(store: MemoryStore, root: DirectoryEntry): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const { entry } of walkTree(store, root)) {
    if (entry.kind === 'file') found.add(`file ${entry.content ? idToHex(entry.content.id) : ''}`)
    if (entry.kind === 'symlink') found.add(`symlink ${entry.target}`)
    if (entry.kind === 'character-device' || entry.kind === 'block-device')
      found.add(`${entry.kind} ${entry.major} ${entry.minor}`)
  }
  return found
}

suite('mergeTrees of any trees', () => {
  const tree = anyTree({ asRoot: true })

  test('comes to an end, is the same both ways, and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, tree, fc.boolean(), async (a, b, c, introduced) => {
        const store = new MemoryStore()
        const [old, left, right] = [
          await plantAny(store, a),
          await plantAny(store, b),
          await plantAny(store, c),
        ]
        const base = introduced ? old : undefined
        const merged = await mergeIn(store, base, left, right)
        assert.deepEqual(await mergeIn(store, base, right, left, ['two', 'one']), merged)
        const [kept, known] = [
          await dataOf(store, merged.root),
          base ? await dataOf(store, base) : new Set<string>(),
        ]
        for (const side of [left, right])
          for (const data of await dataOf(store, side))
            assert.ok(kept.has(data) || known.has(data), `${data} is lost`)
        // What it made is what a snapshot would make: walking checks it, and so do the sums.
        let count = 0
        for await (const { path } of walkTree(store, merged.root)) count += path === '' ? 0 : 1
        assert.equal(merged.root.count, count)
      }),
      { numRuns: 60 * fuzz },
    )
  })
})
