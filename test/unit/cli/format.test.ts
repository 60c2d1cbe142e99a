import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatCount,
  formatDuration,
  formatMode,
  formatNumberOf,
  formatSize,
} from '../../../src/cli/format.ts'
import { formatTime, formatTimeNs, isoTimeNs } from '../../../src/cli/format.ts'
import { describeProgress } from '../../../src/cli/progress-line.ts'
import { safeText } from '../../../src/cli/safe-text.ts'
import { alignTable } from '../../../src/cli/table.ts'

test('sizes, counts and durations read as people write them', () => {
  assert.equal(formatSize(999), '999 B')
  assert.equal(formatSize(1_503_238_553), '1.4 GiB')
  assert.deepEqual([0, 999, 1000, 1_234_567].map(formatCount), ['0', '999', '1,000', '1,234,567'])
  assert.equal(formatNumberOf(1, 'file'), '1 file')
  assert.equal(formatNumberOf(2, 'entry', 'entries'), '2 entries')
  assert.deepEqual([850.4, 1234, 1_234_000].map(formatDuration), ['850ms', '1.2s', '20m 34s'])
})

test('times keep their nanoseconds for programs, and are local for people', () => {
  assert.equal(isoTimeNs(1_795_302_245_123_456_789n), '2026-11-21T23:04:05.123456789Z')
  assert.equal(isoTimeNs(-1n), '1969-12-31T23:59:59.999999999Z')
  assert.match(isoTimeNs(10n ** 27n), /^\d+\.000000000$/)
  const local = new Date(2026, 0, 2, 3, 4, 5).getTime()
  assert.equal(formatTime(local), '2026-01-02 03:04:05')
  assert.equal(formatTimeNs(BigInt(local) * 1_000_000n), '2026-01-02 03:04:05')
})

test('modes are shown as ls shows them', () => {
  assert.equal(formatMode('directory', 0o1777), 'drwxrwxrwt')
  assert.equal(formatMode('file', 0o4755), '-rwsr-xr-x')
  assert.equal(formatMode('file', 0o6644), '-rwSr-Sr--')
  assert.equal(formatMode('symlink', 0o777), 'lrwxrwxrwx')
})

test('columns are aligned by what a terminal shows', () => {
  const rows = [
    ['日本', '1', 'x'],
    ['a', '22', 'y'],
  ]
  assert.deepEqual(alignTable(rows, ['left', 'right']), ['日本   1  x', 'a     22  y'])
})

test('text from outside cannot control a terminal', () => {
  assert.equal(safeText('a\u001b[31mb\r\n\u009b\u202e'), 'a\\x1b[31mb\\x0d\\n\\x9b\\u202e')
  assert.equal(safeText('grüße 日本 🙂'), 'grüße 日本 🙂')
})

test('progress says rate and time left once they are known', () => {
  const half = { phase: 'reading', files: 10, bytes: 2 ** 20, totalFiles: 20, totalBytes: 2 ** 21 }
  assert.equal(describeProgress(half, 1000), 'reading  10 of 20 files  1 MiB of 2 MiB  1 MiB/s  1s left')
  assert.equal(describeProgress({ phase: 'looking', files: 1, bytes: 0 }, 5), 'looking  1 file  0 B')
})
