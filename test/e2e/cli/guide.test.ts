import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { exitCodes, exitMeanings, exitOf } from '../../../src/cli/exit-codes.ts'
import type { Exit } from '../../../src/cli/exit-codes.ts'
import { TidemarkError } from '../../../src/errors.ts'
import type { ErrorCode } from '../../../src/errors.ts'

function guide(name: string): string {
  return readFileSync(new URL(`../../../docs/guide/${name}`, import.meta.url), 'utf8')
}

test('the page on exit codes says what the program does', () => {
  const rows = [...guide('exit-codes.md').matchAll(/^\| (\d+) \| (.*?) \|(.*)\|$/gm)]
  const written = rows.map(([, code, meaning]) => [Number(code), meaning])
  const real = (Object.keys(exitCodes) as Exit[]).map((exit) => [exitCodes[exit], exitMeanings[exit]])
  assert.deepEqual(written, real)
  for (const [, code, , errors] of rows) {
    for (const [, word] of errors!.matchAll(/`([a-z]+)`/g)) {
      if (word === 'bug' || word === 'cancelled') continue
      const exit = exitOf(new TidemarkError(word as ErrorCode, ''))
      assert.equal(exitCodes[exit], Number(code), `the code of ${word}`)
    }
  }
})
