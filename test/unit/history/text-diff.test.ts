import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { diffTexts, type TextDiff, type TextDiffOptions } from '../../../src/history/text-diff.ts'
import type { FileEntry } from '../../../src/object/entry.ts'
import { MemoryStore } from '../../../src/store/memory-store.ts'
import { requireTool } from '../../require.ts'
import { plantFile } from '../../suites/plant.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const hasPatch = spawnSync('patch', ['--version']).status === 0

async function diff(
  before: string | Uint8Array | undefined,
  after: string | Uint8Array | undefined,
  options?: TextDiffOptions,
): Promise<TextDiff> {
  const store = new MemoryStore()
  const file = async (content: string | Uint8Array | undefined): Promise<FileEntry | undefined> =>
    content === undefined ? undefined : plantFile(store, 'file.txt', content.length > 0 ? [content] : [])
  return diffTexts(store, await file(before), await file(after), options)
}

async function patch(
  before: string | undefined,
  after: string | undefined,
  options?: TextDiffOptions,
): Promise<string> {
  const found = await diff(before, after, options)
  assert.equal(found.kind, 'text')
  return Buffer.from((found as { patch: Uint8Array }).patch).toString()
}

const lines = (...list: (string | number)[]): string => list.map((line) => `${line}\n`).join('')

/** The first line of a patch for a file of that name. */
const firstLine = async (name: string): Promise<string> =>
  (await patch('a', 'b', { from: name })).split('\n')[0]!

suite('diffTexts', () => {
  test('gives a unified diff', async () => {
    const before = lines(1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert.equal(
      await patch(before, lines(1, 2, 3, 4, 'five', 6, 7, 8, 9, 'ten')),
      lines(
        '--- a/file.txt',
        '+++ b/file.txt',
        '@@ -2,8 +2,9 @@',
        ' 2',
        ' 3',
        ' 4',
        '-5',
        '+five',
        ' 6',
        ' 7',
        ' 8',
        ' 9',
        '+ten',
      ),
    )
    assert.equal(
      await patch(before, before.replace('5', 'five'), { context: 0, from: 'old', to: 'new' }),
      lines('--- a/old', '+++ b/new', '@@ -5 +5 @@', '-5', '+five'),
    )
  })

  test('of a file that came or went', async () => {
    assert.equal(
      await patch(undefined, 'a\nb\n'),
      lines('--- /dev/null', '+++ b/file.txt', '@@ -0,0 +1,2 @@', '+a', '+b'),
    )
    assert.equal(
      await patch('a', undefined),
      lines(
        '--- a/file.txt',
        '+++ /dev/null',
        '@@ -1 +0,0 @@',
        '-a',
        String.raw`\ No newline at end of file`,
      ),
    )
    assert.deepEqual(await diff(undefined, ''), { kind: 'equal' })
  })

  test('counts lines', async () => {
    const found = await diff(lines('a', 'b', 'c'), lines('a', 'x', 'y', 'c'))
    assert.ok(found.kind === 'text')
    assert.deepEqual([found.added, found.removed], [2, 1])
  })

  test('says why there is no patch', async () => {
    assert.equal((await diff('a\0b', 'text')).kind, 'binary')
    assert.equal(
      (await diff('text', Buffer.concat([Buffer.alloc(8191, 'x'), Buffer.alloc(1)]))).kind,
      'binary',
    )
    assert.equal((await diff('text', Buffer.concat([Buffer.alloc(8192, 'x'), Buffer.alloc(1)]))).kind, 'text')
    assert.equal((await diff('text', 'longer', { maxSize: 5 })).kind, 'too-large')
    assert.equal((await diff('same', 'same')).kind, 'equal')
    const [one, other] = [0, 1].map((odd) => lines(...Array.from({ length: 40_000 }, (_, n) => n * 2 + odd)))
    assert.equal((await diff(one, other, { timeoutMs: 50 })).kind, 'too-different')
  })

  test('quotes names that a patch cannot hold as they are', async () => {
    assert.equal(await firstLine('with space'), '--- a/with space\t')
    assert.equal(await firstLine('é'), '--- a/é')
    assert.equal(await firstLine('line\nbreak"'), String.raw`--- "a/line\012break\""`)
  })

  test('patch makes the one file of the other, byte by byte', async (t) => {
    if (!requireTool(t, hasPatch, 'needs patch')) return
    const directory = temporaryDirectory(t)
    const line = fc.oneof(
      fc.constantFrom('a', 'b', '', ' ', '-', '+', '\\', '@@', '\r', 'é'),
      fc.constant('\xff'),
    )
    const text = fc
      .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('', '\n'))
      .map(([lines, end]) => Buffer.from(lines.join('\n') + (lines.length > 0 ? end : ''), 'latin1'))
    await fc.assert(
      fc.asyncProperty(text, text, async (before, after) => {
        const found = await diff(before, after)
        if (found.kind === 'equal') return assert.deepEqual(before, after)
        assert.ok(found.kind === 'text')
        const path = join(directory, 'file.txt')
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, before)
        execFileSync('patch', ['--binary', '-s', '-p1', path], { input: found.patch })
        assert.deepEqual(readFileSync(path), after)
      }),
      { numRuns: 40 },
    )
  })
})
