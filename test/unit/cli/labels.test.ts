import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkMessage, checkTags } from '../../../src/cli/labels.ts'
import { isTidemarkError } from '../../../src/errors.ts'

const isUsage = (error: unknown): boolean => isTidemarkError(error, 'usage')

test('a tag is a name by which the snapshot can be found again', () => {
  checkTags(['release-1', 'größer', 'two words', '2026', 'beef'])
  for (const tag of ['', 'latest', ' a', 'a ', 'a:b', 'a~2', 'a\nb', '\u009b', 'x'.repeat(201)]) {
    assert.throws(() => checkTags(['good', tag]), isUsage, JSON.stringify(tag))
  }
  assert.throws(() => checkTags(Array.from({ length: 257 }, (_, i) => `t${i}`)), isUsage)
})

test('a message has its bounds', () => {
  checkMessage(undefined)
  checkMessage('ä'.repeat(32_768))
  assert.throws(() => checkMessage('ä'.repeat(32_769)), isUsage)
})
