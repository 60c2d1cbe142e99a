import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { checkApart } from '../../../src/folder/check-apart.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

test('two directories of which one is in the other are not apart', (t) => {
  const top = memoryDirectory(t)
  mkdirSync(join(top, 'a/b'), { recursive: true })
  for (const [one, other] of [
    ['a', 'a'],
    ['a', 'a/b'],
    ['a/new', 'a'],
    ['a', 'a/../a'],
  ]) {
    assert.throws(
      () => checkApart(join(top, one!), join(top, other!)),
      (error) => isTidemarkError(error, 'usage'),
    )
  }
  checkApart(join(top, 'a'), join(top, 'ab'))
  checkApart(join(top, 'a/..b'), join(top, 'a/b'))
})
