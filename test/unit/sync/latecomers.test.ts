import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { verify } from '../../../src/history/verify.ts'
import { DirectoryBucket } from '../../../src/store/directory-bucket.ts'
import { copiesAt, syncCopies, type Copy } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { syncOverWire } from '../../suites/wired-copies.ts'

function names({ root }: Copy): string[] {
  return readdirSync(root).filter((name) => name !== '.tidemark')
}

function write({ root }: Copy, name: string, text: string): void {
  writeFileSync(`${root}/${name}`, text)
}

/** Each of two copies has taken in a merge of what `a` did; neither has ever held that by itself. */
suite('copies that have something in common that neither was at', () => {
  for (const history of ['kept', 'none'] as const) {
    test(`take one user's edits for what they are (history ${history})`, async (t) => {
      const place = temporaryDirectory(t)
      const all = await copiesAt(
        ['a', 'b', 'c', 'd', 'e'].map((name) => `${place}/${name}`),
        history,
      )
      const [a, b, c, d, e] = all as [Copy, Copy, Copy, Copy, Copy]
      write(a, 'start', 'start')
      for (const other of [b, c, d, e]) await syncCopies(a, other)
      write(a, 'edited', 'first')
      write(a, 'deleted', 'first')
      write(e, 'of e', 'e')
      write(b, 'of b', 'b')
      await a.replica.capture()
      await syncOverWire(t, e, a, { mode: 'receive' })
      await syncOverWire(t, b, a, { mode: 'receive' })
      await syncOverWire(t, c, b)
      await syncOverWire(t, d, e)
      write(c, 'edited', 'second')
      rmSync(`${c.root}/deleted`)
      write(d, 'of d', 'd')
      const { mine, theirs, pulled } = await syncOverWire(t, d, c)
      assert.equal(mine.id, theirs.id)
      assert.deepEqual(
        pulled.flatMap(({ conflicts }) => conflicts),
        [],
      )
      assert.deepEqual(names(c), ['edited', 'of b', 'of d', 'of e', 'start'])
      assert.deepEqual(names(d), names(c))
      assert.equal(readFileSync(`${d.root}/edited`, 'utf8'), 'second')
      for (const copy of all) {
        await copy.close()
        const { findings } = await verify(new DirectoryBucket(`${copy.root}/.tidemark/repository`), {
          data: true,
        })
        assert.deepEqual(findings, [])
      }
    })
  }
})
