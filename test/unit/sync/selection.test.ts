import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { select } from '../../../src/sync/sync-settings.ts'
import { copiesAt, reopened, syncCopies, type Copy } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

/** The second copy, opened anew with another selection. */
function withSelection(copy: Copy, paths: readonly string[]): Promise<Copy> {
  return reopened(copy, () => select(copy.root, paths))
}

suite('a copy of some sub-trees', () => {
  for (const history of ['kept', 'none'] as const) {
    test(`gets the others when they are wanted, and what stands in their place stays (history ${history})`, async (t) => {
      const place = temporaryDirectory(t)
      let [one, two] = (await copiesAt([`${place}/one`, `${place}/two`], history)) as [Copy, Copy]
      for (const directory of ['photos/old', 'music', 'notes']) {
        mkdirSync(`${one.root}/${directory}`, { recursive: true })
        for (let n = 0; n < 5; n++) writeFileSync(`${one.root}/${directory}/f${n}`, `${directory} ${n}`)
      }
      two = await withSelection(two, ['notes'])
      assert.ok((await syncCopies(one, two)).done)
      assert.equal(existsSync(`${two.root}/photos`), false)
      assert.equal(readFileSync(`${two.root}/notes/f1`, 'utf8'), 'notes 1')
      writeFileSync(`${two.root}/music`, 'of mine')

      two = await withSelection(two, ['notes', 'photos', 'music'])
      const { pulled } = await syncCopies(two, one)
      assert.equal(readFileSync(`${two.root}/photos/old/f3`, 'utf8'), 'photos/old 3')
      assert.equal(readFileSync(`${two.root}/music`, 'utf8'), 'of mine')
      assert.equal(pulled.at(-1)?.counts.files, 5)
      assert.equal(readFileSync(`${one.root}/music/f1`, 'utf8'), 'music 1')
      const told = (all: typeof pulled): string[] =>
        all.flatMap(({ problems }) => problems.map(({ path, code }) => `${path} ${code}`))
      assert.deepEqual(told(pulled), ['music conflict'])
      // For as long as it is so.
      assert.deepEqual(told((await syncCopies(two, one)).pulled), ['music conflict'])

      // From then on they are like others.
      rmSync(`${two.root}/photos/old/f3`)
      writeFileSync(`${one.root}/photos/old/f4`, 'edited')
      await syncCopies(two, one)
      assert.equal(existsSync(`${one.root}/photos/old/f3`), false)
      assert.equal(readFileSync(`${two.root}/photos/old/f4`, 'utf8'), 'edited')
      await one.close()
      await two.close()
    })
  }
})
