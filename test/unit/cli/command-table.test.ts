import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { Option } from 'commander'
import { commandTable } from '../../../src/cli/command-table.ts'
import { globalOptions } from '../../../src/cli/global-options.ts'

const reserved = ['-h', '--help', '-V', '--version', ...Object.values(globalOptions).flatMap(flagsOf)]

function flagsOf({ flags }: { flags: string }): string[] {
  const { short, long } = new Option(flags)
  return [short, long].filter((flag) => flag !== undefined)
}

test('each command has one file and one line in the table', () => {
  const files = readdirSync(new URL('../../../src/cli/commands/', import.meta.url))
  assert.deepEqual(
    commandTable.map(({ name }) => `${name}.ts`).toSorted(),
    files.filter((file) => file.endsWith('.ts')).toSorted(),
  )
})

for (const { name, summary, load } of commandTable) {
  test(`${name} is described as all commands are`, async () => {
    const { command } = await load()
    assert.match(summary, /^[a-z].*[^.]$/)
    assert.match(command.about, /^[A-Z][^]*\.$/)
    assert.ok(command.examples.length > 0, 'no example')
    for (const { command: line } of command.examples)
      assert.match(line, new RegExp(`tidemark( .*)? ${name}\\b`))
    const seen = new Set(reserved)
    for (const [key, option] of Object.entries(command.options)) {
      assert.equal(new Option(option.flags).attributeName(), key)
      for (const flag of flagsOf(option)) {
        assert.ok(!seen.has(flag), `${flag} is taken`)
        seen.add(flag)
      }
    }
    for (const exit of command.exits)
      assert.ok(!['done', 'usage', 'bug'].includes(exit), `${exit} goes without saying`)
  })
}
