import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandWord, withValue } from '../../../src/cli/command-word.ts'
import { globalOptions } from '../../../src/cli/global-options.ts'

test('the command is found behind global options and their values', () => {
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['log', 'log'],
    ['log -C ls', 'log'],
    ['-C ls log', 'log'],
    ['-Cls log', 'log'],
    ['--folder=ls log', 'log'],
    ['--folder ls -q --of x --json log a', 'log'],
    ['-qv -r ls diff', 'diff'],
    ['--help', undefined],
    ['-C', undefined],
    ['-- log', undefined],
    ['', undefined],
  ]
  for (const [line, word] of lines)
    assert.equal(commandWord(line.split(' ').filter((part) => part !== '')), word, line)
})

test('all global options that take a value are known', () => {
  const flags = Object.values(globalOptions)
    .filter((option) => option.flags.includes('<'))
    .flatMap((option) => option.flags.replace(/ <.*/, '').split(', '))
  assert.deepEqual(new Set(flags), withValue)
})
