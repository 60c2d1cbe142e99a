import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { displayName, nameFromBytes } from '../../../src/bytes/name.ts'
import { fromDisplayed, splitSnapshotPath, toSnapshotPath } from '../../../src/cli/snapshot-path.ts'
import { isTidemarkError } from '../../../src/errors.ts'

const isUsage = (error: unknown): boolean => isTidemarkError(error, 'usage')

test('a snapshot and a path are told apart, clock times notwithstanding', () => {
  const cases: [string, string, string | undefined][] = [
    ['latest', 'latest', undefined],
    ['latest:', 'latest', ''],
    ['latest:a:b', 'latest', 'a:b'],
    ['latest~3:04', 'latest~3', '04'],
    ['2026-11-20', '2026-11-20', undefined],
    ['2026-11-20 15:04', '2026-11-20 15:04', undefined],
    ['2026-11-20 15:04:docs/a', '2026-11-20 15:04', 'docs/a'],
    ['2026-11-20T15:04:05:docs/a', '2026-11-20T15:04:05', 'docs/a'],
    ['2026-11-20T15:04:05.250+01:00:a', '2026-11-20T15:04:05.250+01:00', 'a'],
    ['15:04', '15:04', undefined],
    ['yesterday 9:30:x', 'yesterday 9:30', 'x'],
    ['yesterday 5:30pm:x', 'yesterday 5:30pm', 'x'],
    ['3fa9:20:15', '3fa9', '20:15'],
  ]
  for (const [text, snapshot, path] of cases) {
    assert.deepEqual(splitSnapshotPath(text), path === undefined ? { snapshot } : { snapshot, path }, text)
  }
  assert.throws(() => splitSnapshotPath(':a'), isUsage)
})

test('paths count from the working directory inside the folder, else from its root', () => {
  const inside = { workingDirectory: '/home/ann/notes/sub', root: '/home/ann/notes' }
  assert.equal(toSnapshotPath('a.txt', inside), 'sub/a.txt')
  assert.equal(toSnapshotPath('../b/./c//d', inside), 'b/c/d')
  assert.equal(toSnapshotPath('..', inside), '')
  assert.equal(toSnapshotPath('/home/ann/notes/x', inside), 'x')
  assert.equal(toSnapshotPath('/home/ann/notes', inside), '')
  assert.equal(toSnapshotPath('/home/ann/notes2/x', inside), 'home/ann/notes2/x')
  assert.equal(toSnapshotPath('/', inside), '')
  assert.throws(() => toSnapshotPath('../../x', inside), isUsage)
  const outside = { workingDirectory: '/tmp', root: '/home/ann/notes' }
  assert.equal(toSnapshotPath('a.txt', outside), 'a.txt')
  assert.throws(() => toSnapshotPath('../a', outside), isUsage)
  const bare = { workingDirectory: '/tmp', formerRoot: '/home/ann/notes' }
  assert.equal(toSnapshotPath('/home/ann/notes/a/b', bare), 'a/b')
  assert.equal(toSnapshotPath('', bare), '')
})

test('a folder reached through a symbolic link is still the folder', (t) => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-paths-')))
  t.after(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'real/sub'), { recursive: true })
  symlinkSync('real', join(directory, 'link'))
  const base = { workingDirectory: directory, root: join(directory, 'real') }
  assert.equal(toSnapshotPath(join(directory, 'link/sub/a'), base), 'sub/a')
  const linked = { workingDirectory: join(directory, 'real/sub'), root: join(directory, 'link') }
  assert.equal(toSnapshotPath('a', linked), 'sub/a')
})

test('what is displayed can be written back', () => {
  assert.equal(fromDisplayed('plain'), undefined)
  const name = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => nameFromBytes(bytes))
  fc.assert(
    fc.property(name, (name) => {
      const shown = displayName(name)
      assert.equal(fromDisplayed(shown) ?? shown, name)
    }),
  )
  const hidden = 'a\u0085\u202egnp.exe\u2066\u200b\u200f\u2028\ufeff\u00ad\u{e0041}\u3164z'
  const shown = displayName(hidden)
  assert.match(shown, /^[ -~]+$/)
  assert.equal(fromDisplayed(shown), hidden)
  assert.equal(fromDisplayed('\\u{dce9}\\u{110000}\\u{}'), '\\u{dce9}\\u{110000}\\u{}')
  // Seen, whatever they are made of.
  for (const name of ['\u2764\ufe0f', 'caf\u00e9', 'cafe\u0301', '\u00a0'])
    assert.equal(displayName(name), name)
})
