import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { DirectoryEntry, Entry } from '../../../../src/object/entry.ts'
import { idOf, type Id } from '../../../../src/object/id.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import type { Merged } from '../../../../src/sync/merge/merge-trees.ts'
import { maxPathDepth } from '../../../../src/tree/path.ts'
import { mergeIn } from '../../../suites/merging.ts'
import { fileEntry, plantDirectory } from '../../../suites/plant.ts'

/** Merges trees that have files at the end of so many directories, one in another. */
async function mergeDeep(levels: number): Promise<Merged> {
  const store = new MemoryStore()
  const keep = (bytes: Uint8Array): Id => {
    const id = idOf(bytes)
    void store.put(id, bytes)
    return id
  }
  const deep = (...names: readonly string[]): DirectoryEntry => {
    const files = names.map((name) => fileEntry(name, 1, { depth: 0, id: keep(new Uint8Array(1)) }))
    let entries: readonly Entry[] = files
    for (let n = 0; n < levels; n++) entries = [plantDirectory('d', entries, keep)]
    return plantDirectory('', entries, keep)
  }
  return mergeIn(store, deep('a'), deep('a', 'b'), deep('c'))
}

suite('merges of deep trees', () => {
  test('go down a thousand directories', async () => {
    const { root, conflicts } = await mergeDeep(1000)
    assert.deepEqual([root.count, conflicts], [1002, []])
  })

  test('refuse what is deeper', async () => {
    await assert.rejects(mergeDeep(maxPathDepth + 10), { code: 'limit' })
  })
})
