import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { safeText } from '../safe-text.ts'
import {
  findVersion,
  nameArgument,
  newestVersion,
  openStream,
  streamOptions,
  versionSummary,
} from '../streams/open-stream.ts'

export const command: Command = defineCommand({
  about:
    'Shows each line of a version, the newest if none is named, with the version since which it has stood there.',
  arguments: [nameArgument, { name: '[version]', summary: versionSummary }],
  options: streamOptions,
  examples: [
    {
      command: 'tidemark record disks -- df -h && tidemark blame disks',
      shows: 'since when each line is as it is',
    },
  ],
  exits: ['missing', 'damage', 'refused'],
  async run(context, [name, text], options) {
    const stream = openStream(context, name!, options)
    const version =
      text === undefined ? await newestVersion(stream, name!) : await findVersion(context, stream, text)
    const lines = (await stream.blame(version)).map(({ since, line }) => ({
      since,
      line: Buffer.from(line).toString('utf8').replace(/\n$/, ''),
    }))
    if (context.json) {
      await context.printJson(lines)
      return undefined
    }
    const width = Math.max(0, ...lines.map(({ since }) => since.length))
    for (const { since, line } of lines) await context.print(`${since.padEnd(width)}  ${safeText(line)}`)
    return undefined
  },
})
