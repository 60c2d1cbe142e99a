import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import {
  findVersion,
  nameArgument,
  openStream,
  streamOptions,
  versionJson,
  versionSummary,
} from '../streams/open-stream.ts'

export const command: Command = defineCommand({
  about:
    'Writes the version of a stream that was the newest at a time, or that is named, to standard output.',
  arguments: [nameArgument, { name: '<time>', summary: versionSummary }],
  options: streamOptions,
  examples: [
    {
      command: 'tidemark record disks -- df -h && sleep 1 && tidemark at disks "1 second ago"',
      shows: 'as it was then',
    },
  ],
  exits: ['missing', 'damage', 'refused'],
  async run(context, [name, time], options) {
    const version = await findVersion(context, openStream(context, name!, options), time!)
    if (context.json) await context.printJson({ ...versionJson(version), content: await version.text() })
    else context.out.last(await version.bytes())
    return undefined
  },
})
