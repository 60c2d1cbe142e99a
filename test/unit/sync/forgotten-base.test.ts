import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { Folder } from '../../../src/folder/folder.ts'
import { forget } from '../../../src/history/forget.ts'
import { copiesAt, syncCopies } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

suite('forgetting in copies of a folder', () => {
  test('leaves what two of them have in common, so that what one deletes stays deleted', async (t) => {
    const place = temporaryDirectory(t)
    const [one, two] = await copiesAt([`${place}/one`, `${place}/two`])
    t.after(() => Promise.all([one!.close(), two!.close()]))
    for (const name of ['a', 'b', 'c']) writeFileSync(`${one!.root}/${name}`, name)
    const { mine: common } = await syncCopies(one!, two!)
    rmSync(`${one!.root}/a`)
    writeFileSync(`${two!.root}/b`, 'edited')
    for (const { root, replica } of [one!, two!]) {
      await replica.capture()
      const folder = await Folder.open(root)
      const repository = await folder.repository()
      const { kept } = await forget(repository, replica.folder, { last: 1 })
      assert.deepEqual(kept.find(({ id }) => id === common.id)?.reasons, ['in common with another copy'])
      assert.equal(kept.length, 2)
      folder.close()
    }
    const { done, pulled } = await syncCopies(one!, two!)
    assert.ok(done)
    assert.deepEqual(
      pulled.flatMap(({ conflicts }) => conflicts),
      [],
    )
    assert.equal(existsSync(`${two!.root}/a`), false)
    assert.equal(existsSync(`${one!.root}/a`), false)
  })
})
