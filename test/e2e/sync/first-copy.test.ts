import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import type { FolderSettings } from '../../../src/folder/settings.ts'
import { localPeer } from '../../../src/sync/local-pair.ts'
import { pull } from '../../../src/sync/pull.ts'
import { nthFile, writeManyFiles } from '../../suites/many-files.ts'
import { readFolder } from '../../suites/read-folder.ts'
import { copiesAt, syncCopies, type Copy } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

type History = FolderSettings['history']

/** A folder of many files, and an empty copy of it. */
async function twoCopies(t: TestContext, source: History, copy: History): Promise<[Copy, Copy]> {
  const parent = temporaryDirectory(t)
  const [a, b] = [join(parent, 'a'), join(parent, 'b')]
  mkdirSync(a)
  writeManyFiles(a)
  const [one] = await copiesAt([a], source)
  const [other] = await copiesAt([b], copy, one!.replica.folder)
  t.after(() => Promise.all([one!.close(), other!.close()]))
  return [one!, other!]
}

/** Without the line of the root, whose time the bookkeeping has changed, and without that. */
function below(root: string): Map<string, string> {
  return new Map([...readFolder(root)].filter(([path]) => path !== '' && !path.startsWith('.tidemark')))
}

suite('the first copy of many files to a directory near by', () => {
  for (const [source, copy] of [
    ['none', 'none'],
    ['kept', 'none'],
    ['none', 'kept'],
    ['kept', 'kept'],
  ] as const)
    test(`is whole, and can be copied on: history ${source} there, ${copy} here`, async (t) => {
      const [one, other] = await twoCopies(t, source, copy)
      const { done, pulled } = await syncCopies(one, other)
      assert.ok(done)
      assert.deepEqual(
        pulled.flatMap(({ problems }) => problems),
        [],
      )
      const all = below(one.root)
      assert.deepEqual(below(other.root), all)
      // Nothing of it is to be had from the first any more.
      await one.close()
      rmSync(one.root, { recursive: true })
      const [last] = await copiesAt([join(other.root, '../c')], copy, other.replica.folder)
      t.after(() => last!.close())
      assert.ok((await syncCopies(other, last!)).done)
      assert.deepEqual(below(last!.root), all)
    })

  test('holds no byte of a file that was changed after it was looked at', async (t) => {
    const [one, other] = await twoCopies(t, 'none', 'none')
    const peer = localPeer(other.replica, one.replica)
    const [mine, theirs] = [await other.replica.capture(), await one.replica.capture()]
    const [changed, gone] = [nthFile('', 7), nthFile('', 8)]
    appendFileSync(join(one.root, changed), 'more')
    rmSync(join(one.root, gone))
    rmSync(join(one.root, 'large'))
    const { problems } = await pull(other.replica, peer, { mine, theirs })
    assert.deepEqual(
      new Set(problems.map(({ path, code }) => `${path} ${code}`)),
      new Set([`${gone} missing`, 'large missing']),
    )
    // What was only appended to still holds what was asked for.
    assert.equal(
      `${readFileSync(join(other.root, changed), 'utf8')}more`,
      readFileSync(join(one.root, changed), 'utf8'),
    )
    assert.ok((await syncCopies(one, other)).done)
    assert.deepEqual(below(other.root), below(one.root))
  })
})
