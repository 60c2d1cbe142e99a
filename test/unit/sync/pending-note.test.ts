import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { Folder } from '../../../src/folder/folder.ts'
import { FolderReplica } from '../../../src/sync/folder-replica.ts'
import { copiesAt, syncCopies } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

suite('what a copy has set out for', () => {
  test('stays noted while another process tries to go elsewhere, and is forgotten once it is reached', async (t) => {
    const place = temporaryDirectory(t)
    const [one, two] = await copiesAt([`${place}/one`, `${place}/two`])
    t.after(() => Promise.all([one!.close(), two!.close()]))
    writeFileSync(`${one!.root}/a`, 'a')
    const { mine: from } = await syncCopies(one!, two!)
    for (const name of ['b', 'c']) writeFileSync(`${two!.root}/${name}`, name)
    const to = await two!.replica.capture()
    const folder = await Folder.open(one!.root)
    const late = await FolderReplica.open(folder)
    t.after(() => late.close())
    const advance = async (): Promise<unknown> => {
      const receipt = await late.receive()
      try {
        return await receipt.advance(from, to, two!.replica.store)
      } finally {
        await receipt.close()
      }
    }
    writeFileSync(`${one!.root}/d`, 'd')
    await one!.replica.capture()
    const note = Buffer.from('what another process has set out for')
    await folder.notePending(note)
    await assert.rejects(advance(), { code: 'conflict' })
    assert.deepEqual(Buffer.from((await folder.pendingNote())!), note)
    const { done } = await syncCopies(one!, two!)
    assert.ok(done)
    assert.equal(await folder.pendingNote(), undefined)
  })
})
