import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { suite, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import * as fc from 'fast-check'
import { initFolder, openFolder } from '../../../src/folder/folder.ts'
import { forgetSnapshots } from '../../../src/history/forget.ts'
import { prune } from '../../../src/history/prune.ts'
import { restore } from '../../../src/history/restore.ts'
import { takeSnapshot } from '../../../src/history/snapshot.ts'
import { verify } from '../../../src/history/verify.ts'
import type { Id } from '../../../src/object/id.ts'
import { anyEdits, doEdit } from '../../suites/any-edits.ts'
import { readFolder, type Described } from '../../suites/read-folder.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const numRuns = Math.ceil(20 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))

/** What happens between two snapshots. */
const anyRound = fc.record({
  edits: anyEdits,
  /** Snapshots that are forgotten after this one, counted from the oldest; the pruner follows. */
  forget: fc.constantFrom(0, 0, 1, 2, 9),
  /** What the process remembers of the folder is gone: it is opened anew, or its records were deleted. */
  amnesia: fc.constantFrom('none', 'none', 'process', 'records'),
})

/** A folder as it is, without its bookkeeping. */
function describe(root: string): Described {
  const described = new Map(readFolder(root))
  for (const path of described.keys()) if (/^\.tidemark(?:\/|$)/.test(path)) described.delete(path)
  return described
}

suite('a snapshot of a folder after any edits', () => {
  test('restores equal to the folder as it was then, whatever was forgotten and pruned', async (t) => {
    const parent = memoryDirectory(t)
    const [source, target, place] = [`${parent}/source`, `${parent}/target`, `${parent}/repository`]
    await fc.assert(
      fc.asyncProperty(fc.array(anyRound, { minLength: 2, maxLength: 8 }), async (rounds) => {
        for (const path of [source, `${source}-aside`, target, place])
          rmSync(path, { recursive: true, force: true })
        mkdirSync(source)
        let folder = await initFolder(source, { repository: place })
        try {
          const kept = new Map<Id, Described>()
          for (const { edits, forget, amnesia } of rounds) {
            for (const edit of edits) doEdit(source, edit)
            // Only what has been left alone for a while is ever taken to be unchanged.
            await setTimeout(25)
            const { id, problems } = await takeSnapshot(folder, { always: true })
            assert.deepEqual(problems, [])
            kept.set(id!, describe(source))
            const forgotten = [...kept.keys()].slice(0, Math.min(forget, kept.size - 1))
            const repository = await folder.repository()
            await forgetSnapshots(repository, forgotten)
            for (const one of forgotten) kept.delete(one)
            if (forgotten.length > 0) await prune(repository, { deadShare: 0 })
            if (amnesia === 'none') continue
            folder.close()
            if (amnesia === 'records') rmSync(`${source}/.tidemark/state.sqlite`)
            folder = await openFolder(source)
          }
          const repository = await folder.repository()
          assert.deepEqual((await verify(repository.bucket, { data: true })).findings, [])
          for (const [id, described] of kept) {
            // Over what the snapshot before it left there.
            const { root } = await repository.snapshots.read(id)
            const { problems } = await restore(repository, root, target, { delete: true })
            assert.deepEqual(problems, [])
            assert.deepEqual(readFolder(target), described)
          }
        } finally {
          folder.close()
        }
      }),
      { numRuns },
    )
  })
})
