import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { updateByHand } from '../../../src/mirror/origin/by-hand.ts'
import { IndexWriter } from '../../../src/mirror/origin/index-writer.ts'
import type { Where } from '../../../src/mirror/origin/look.ts'
import { Origin } from '../../../src/mirror/origin/origin.ts'
import { listed, readIndex } from '../../suites/published.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

test('what the rules of a tree leave out is not listed, nor any more once they do', async (t) => {
  const root = temporaryDirectory(t)
  const write = (path: string, content = path): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  for (const path of ['a.tmp', 'kept', 'build/out', 'src/deep/b.tmp', 'src/deep/code']) write(path)
  write('.tidemarkignore', '*.tmp\n/build/\n')
  const origin = await Origin.open(root)
  t.after(() => origin.close())
  const look = async (where?: Where): Promise<string[]> => {
    await origin.check(where)
    return [...listed(readIndex(root)).keys()].toSorted()
  }
  assert.deepEqual(await look(), ['.tidemarkignore', 'kept', 'src/deep/code'])

  // A watcher tells of what is left out, too; and the last file that counts leaves an empty directory behind.
  write('src/deep/c.tmp')
  write('build/more')
  rmSync(join(root, 'src/deep/code'))
  const told: Where = new Map([
    ['src/deep', new Set(['c.tmp', 'code'])],
    ['build', new Set(['more'])],
  ])
  assert.deepEqual(await look(told), ['.tidemarkignore', 'kept', 'src/deep'])

  // Other rules: found by the change of their file alone.
  write('.tidemarkignore', '/kept\n/src/*\n')
  const rules: Where = new Map([['', new Set(['.tidemarkignore'])]])
  assert.deepEqual(await look(rules), ['.tidemarkignore', 'a.tmp', 'build/more', 'build/out', 'src'])
  write('src/.tidemarkignore', '!deep\n!deep/**\n')
  const nearer: Where = new Map([['src', new Set(['.tidemarkignore'])]])
  assert.deepEqual(await look(nearer), [
    '.tidemarkignore',
    'a.tmp',
    'build/more',
    'build/out',
    'src',
    'src/deep/b.tmp',
    'src/deep/c.tmp',
  ])
  rmSync(join(root, '.tidemarkignore'))
  assert.ok((await look(rules)).includes('kept'))
  write('.tidemarkignore', '/kept\n')
  assert.ok(!(await look()).includes('kept'))

  const update = updateByHand(IndexWriter.open(root), { type: 'new', paths: ['kept'] })
  await assert.rejects(
    update,
    (error) => isTidemarkError(error, 'usage') && /leave it out/.test(error.message),
  )
})
