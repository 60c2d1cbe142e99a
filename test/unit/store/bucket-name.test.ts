import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { checkBucketName, checkBucketPrefix, isBucketName } from '../../../src/store/bucket-name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { badNames, badPrefixes } from '../../suites/bucket-suite.ts'

const isUsage = (error: unknown): boolean => isTidemarkError(error, 'usage')

suite('bucket names', () => {
  test('takes names of lower-case parts', () => {
    for (const name of ['a', 'config', 'packs/ab/cd-1_2.x', '-', '0/1/2', 'a/tmp', 'tmpx/a']) {
      assert.ok(isBucketName(name), name)
      checkBucketName(name)
    }
  })

  test('refuses others, and shows them in one short line', () => {
    for (const name of badNames) {
      assert.equal(isBucketName(name), false, name)
      assert.throws(() => checkBucketName(name), isUsage)
    }
    assert.throws(
      () => checkBucketName(`${'x'.repeat(10_000)}\n\u001b[2J`),
      (error: Error) => isUsage(error) && /^[\x20-\x7e…]{0,130}$/.test(error.message),
    )
  })

  test('takes as a prefix whatever begins a name, and nothing else', () => {
    for (const prefix of badPrefixes) assert.throws(() => checkBucketPrefix(prefix), isUsage)
    const part = fc.stringMatching(/^[a-z0-9_-][a-z0-9._-]{0,8}$/)
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), fc.nat(40), (parts, length) => {
        const name = parts.join('/')
        fc.pre(isBucketName(name))
        checkBucketPrefix(name.slice(0, length))
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '/', 't', 'A', '-') }), (text) => {
        const begins = ['', 'a', '/a'].some((rest) => isBucketName(text + rest))
        if (begins) checkBucketPrefix(text)
        else assert.throws(() => checkBucketPrefix(text), isUsage)
      }),
      { numRuns: 500 },
    )
  })

  test('keeps every name within its directory', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (name) => {
        if (!isBucketName(name)) return
        const path = new URL(`file:///root/${name}`).pathname
        assert.equal(path, `/root/${name}`)
      }),
      { numRuns: 500 },
    )
  })
})
