import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { flag } from '../options.ts'
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
    'Shows what changed between two versions of a stream, as a unified diff. Without TO, up to the newest; without ' +
    'either, what the newest version changed.',
  arguments: [
    nameArgument,
    { name: '[from]', summary: versionSummary },
    { name: '[to]', summary: 'likewise' },
  ],
  options: { ...streamOptions, exitCode: flag('--exit-code', 'end with 8 when there are changes') },
  examples: [
    {
      command: 'tidemark record dates -- date && tidemark changes dates',
      shows: 'what the newest version changed',
    },
    {
      command: 'tidemark record dates -- date && tidemark changes dates now',
      shows: 'what has changed since a time',
    },
  ],
  exits: ['missing', 'damage', 'refused', 'negative'],
  async run(context, [name, from, to], options) {
    const stream = openStream(context, name!, options)
    await newestVersion(stream, name!)
    const ends = [from, to].map((text) =>
      text === undefined ? undefined : findVersion(context, stream, text),
    )
    const diff = await stream.diff(await ends[0], await ends[1])
    if (context.json) await context.printJson({ diff: diff.toString() })
    else context.out.last(diff)
    return options.exitCode && diff.length > 0 ? 'negative' : undefined
  },
})
