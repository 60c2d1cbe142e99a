import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { applyDiff } from '../../../src/stream/replay.ts'
import { unifiedDiff } from '../../../src/stream/unified-diff.ts'
import { requireTools } from '../../suites/standard-tools.ts'
import { longTexts, runs, textPairs } from './texts.ts'

const place = mkdtempSync(join(tmpdir(), 'tidemark-diff-'))
after(() => rmSync(place, { recursive: true, force: true }))

const [oldFile, newFile, diffFile] = [join(place, 'old'), join(place, 'new'), join(place, 'diff')]

function gnuDiff(oldText: Uint8Array, newText: Uint8Array): Buffer {
  writeFileSync(oldFile, oldText)
  writeFileSync(newFile, newText)
  const labels = ['--label', 'previous', '--label', 'current']
  const run = spawnSync('diff', ['--text', '-u', ...labels, oldFile, newFile], { maxBuffer: 1 << 28 })
  assert.ok(run.status === 0 || run.status === 1, run.stderr.toString())
  return run.stdout
}

function check(oldText: Buffer, newText: Buffer): void {
  const expected = gnuDiff(oldText, newText)
  const ours = Buffer.from(unifiedDiff(oldText, newText))
  assert.equal(ours.toString('latin1'), expected.toString('latin1'))
  assert.deepEqual(applyDiff(oldText, expected), newText)
  assert.deepEqual(applyDiff(newText, expected, { reverse: true }), oldText)
  // GNU patch removes or refuses nothing here but an empty diff's sake: it prints that there is no patch.
  writeFileSync(diffFile, ours)
  const patch = spawnSync('patch', [
    '--quiet',
    '--binary',
    '--force',
    '--no-backup-if-mismatch',
    oldFile,
    diffFile,
  ])
  assert.equal(patch.status, 0, patch.stdout.toString() + patch.stderr.toString())
  assert.deepEqual(readFileSync(oldFile), newText)
}

test('our diffs are those of GNU diff, patch applies them, and we apply its', (t) => {
  if (!requireTools(t, 'diff', 'patch')) return
  fc.assert(
    fc.property(textPairs, ([oldText, newText]) => check(oldText, newText)),
    runs(300),
  )
})

test('long texts with many equal lines, in which GNU diff leaves lines out of its search', (t) => {
  if (!requireTools(t, 'diff', 'patch')) return
  for (let seed = 1; seed <= runs(120).numRuns; seed++) check(...longTexts(seed))
})

test('texts so different that GNU diff settles for less than the shortest diff', (t) => {
  if (!requireTools(t, 'diff', 'patch')) return
  let state = 7
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % 300
  const text = (): Buffer => Buffer.from(Array.from({ length: 12_000 }, () => `line ${random()}\n`).join(''))
  check(text(), text())
})
