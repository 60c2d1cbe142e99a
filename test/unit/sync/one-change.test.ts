import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import type { FolderSettings } from '../../../src/folder/settings.ts'
import { ChunkReader } from '../../../src/store/repository/chunk-reader.ts'
import { copiesAt, syncCopies } from '../../suites/synced-folders.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const filesEach = 40

/** How many pieces of trees are read on both sides for the second of two changes of single files. */
async function readsOfOneChange(
  t: TestContext,
  directories: number,
  history: FolderSettings['history'],
): Promise<number> {
  const place = memoryDirectory(t)
  const [one, two] = await copiesAt([`${place}/one`, `${place}/two`], history)
  t.after(() => Promise.all([one!.close(), two!.close()]))
  for (let d = 0; d < directories; d++) {
    mkdirSync(`${one!.root}/d${d}`)
    for (let n = 0; n < filesEach; n++) writeFileSync(`${one!.root}/d${d}/f${n}`, `${d} ${n}`)
  }
  assert.ok((await syncCopies(one!, two!)).done)
  // What the first copy has found out is let go of.
  for (let n = 0; n < 3; n++) await syncCopies(one!, two!)
  writeFileSync(`${one!.root}/d0/f7`, 'new')
  assert.ok((await syncCopies(one!, two!)).done)
  const get = t.mock.method(ChunkReader.prototype, 'get')
  const path = `d${directories - 1}/f7`
  writeFileSync(`${one!.root}/${path}`, 'new')
  assert.ok((await syncCopies(one!, two!)).done)
  assert.equal(readFileSync(`${two!.root}/${path}`, 'utf8'), 'new')
  const reads = get.mock.callCount()
  get.mock.restore()
  return reads
}

suite('one change', () => {
  for (const history of ['none', 'kept'] as const) {
    test(`reads as many pieces of trees in a large folder as in a small one (history ${history})`, async (t) => {
      const few = await readsOfOneChange(t, 3, history)
      const many = await readsOfOneChange(t, 30, history)
      assert.ok(few > 0 && many <= few + 2, `${few} in a small folder, ${many} in a large one`)
    })
  }
})
