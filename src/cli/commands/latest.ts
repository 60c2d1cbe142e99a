import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import {
  nameArgument,
  newestVersion,
  openStream,
  streamOptions,
  versionJson,
} from '../streams/open-stream.ts'

export const command: Command = defineCommand({
  about: 'Writes the newest version of a stream to standard output. It is also in ROOT/NAME/latest.txt.',
  arguments: [nameArgument],
  options: streamOptions,
  examples: [
    { command: 'tidemark record disks -- df -h && tidemark latest disks', shows: 'what was recorded last' },
  ],
  exits: ['missing', 'damage', 'refused'],
  async run(context, [name], options) {
    const version = await newestVersion(openStream(context, name!, options), name!)
    if (context.json) await context.printJson({ ...versionJson(version), content: await version.text() })
    else context.out.last(await version.bytes())
    return undefined
  },
})
