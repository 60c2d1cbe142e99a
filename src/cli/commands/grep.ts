import { TidemarkError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { flag } from '../options.ts'
import { safeText } from '../safe-text.ts'
import { nameArgument, newestVersion, openStream, streamOptions } from '../streams/open-stream.ts'

export const command: Command = defineCommand({
  about:
    'Finds lines in all versions of a stream. Shows each line that matches with the version that brought it and the ' +
    'first one that no longer has it. Ends with 8 when nothing matches.',
  arguments: [nameArgument, { name: '<pattern>', summary: 'a regular expression, as of JavaScript' }],
  options: {
    ...streamOptions,
    ignoreCase: flag('-i, --ignore-case', 'capital and small letters are alike'),
    fixedStrings: flag('-F, --fixed-strings', 'the pattern is plain text'),
  },
  examples: [
    {
      command: 'tidemark record disks -- df -h && tidemark grep disks "Use%"',
      shows: 'the versions with such a line',
    },
  ],
  exits: ['missing', 'damage', 'refused', 'negative'],
  async run(context, [name, text], options) {
    const pattern = compile(text!, options.fixedStrings, options.ignoreCase)
    const stream = openStream(context, name!, options)
    await newestVersion(stream, name!)
    const found = await stream.grep(pattern, { signal: context.signal })
    if (context.json)
      await context.printJson(found.map(({ since, until, line }) => ({ since, until: until ?? null, line })))
    else {
      const width = Math.max(1, ...found.map(({ until }) => until?.length ?? 1))
      for (const { since, until, line } of found) {
        await context.print(`${since}  ${(until ?? '-').padEnd(width)}  ${safeText(line)}`)
      }
    }
    return found.length === 0 ? 'negative' : undefined
  },
})

function compile(text: string, fixed: boolean, ignoreCase: boolean): RegExp {
  try {
    const source = fixed ? text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') : text
    return new RegExp(source, ignoreCase ? 'iv' : 'v')
  } catch (error) {
    throw new TidemarkError('usage', (error as Error).message)
  }
}
