import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { diffChanges, stripContext } from '../../../src/stream/diff-changes.ts'
import { Stream } from '../../../src/stream/index.ts'
import { applyDiff } from '../../../src/stream/replay.ts'
import { unifiedDiff } from '../../../src/stream/unified-diff.ts'
import { runs, textPairs, texts } from './texts.ts'

test('replay(record(v1 … vn)) gives each vi, byte for byte', async () => {
  const histories = fc.array(fc.oneof(texts, texts, fc.constant(undefined)), { minLength: 1, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const root = mkdtempSync(join(tmpdir(), 'tidemark-record-'))
      try {
        let stream = new Stream(root, 'any', { retain: 2 })
        const expected: Buffer[] = []
        for (const content of history) {
          if (content === undefined) {
            // Another process goes on.
            await stream.close()
            stream = new Stream(root, 'any', { retain: 1 })
            continue
          }
          const { changed } = await stream.record(content)
          assert.equal(changed, expected.at(-1)?.equals(content) !== true)
          if (changed) expected.push(content)
        }
        await stream.close()
        // Without the full copies everything must come from the diffs.
        rmSync(join(root, 'any', 'latest'), { recursive: true, force: true })
        const versions = await stream.versions()
        const contents = await Promise.all(versions.map((version) => version.bytes()))
        assert.deepEqual(contents, expected)
      } finally {
        rmSync(root, { recursive: true })
      }
    }),
    runs(25),
  )
})

test('a diff without its context leads to the same text, and back', () => {
  fc.assert(
    fc.property(textPairs, ([oldText, newText]) => {
      const bare = stripContext(unifiedDiff(oldText, newText), 'diff')
      assert.deepEqual(applyDiff(oldText, bare), newText)
      assert.deepEqual(applyDiff(newText, bare, { reverse: true }), oldText)
      assert.deepEqual(stripContext(bare, 'diff'), bare)
      for (const { removed, added } of diffChanges(bare, 'diff')) assert.ok(removed + added > 0)
    }),
    runs(500),
  )
})

test('any bytes in place of a diff are refused or applied, never more', () => {
  const pieces = fc.constantFrom(
    '--- a\n',
    '+++ b\n',
    '@@ -1 +1 @@\n',
    '@@ -1,2 +1,3 @@\n',
    '@@ -0,0 +1 @@\n',
    '-a\n',
    '+b\n',
    ' a\n',
    '\\ No newline\n',
    '@@ -1,99999999999 +1 @@\n',
    '\n',
    '@@ -2 +2',
    'x',
  )
  const diffs = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((parts) => Buffer.from(`--- a\n+++ b\n${parts.join('')}`)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(texts, diffs, fc.boolean(), (text, diff, reverse) => {
      try {
        applyDiff(text, diff, { reverse })
        stripContext(diff, 'diff')
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'corrupt')
      }
    }),
    runs(2000),
  )
})
