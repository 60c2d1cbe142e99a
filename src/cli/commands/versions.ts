import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { formatTime } from '../format.ts'
import { count } from '../options.ts'
import {
  nameArgument,
  newestVersion,
  openStream,
  streamOptions,
  versionJson,
} from '../streams/open-stream.ts'

export const command: Command = defineCommand({
  about: 'Lists the versions of a stream, oldest first: the name of each, and its time.',
  arguments: [nameArgument],
  options: { ...streamOptions, maxCount: count('-n, --max-count <n>', 'only the newest n', 1) },
  examples: [
    { command: 'tidemark record disks -- df -h && tidemark versions disks -n 10', shows: 'the newest ten' },
  ],
  exits: ['missing', 'damage', 'refused'],
  async run(context, [name], options) {
    const stream = openStream(context, name!, options)
    await newestVersion(stream, name!)
    const all = await stream.versions()
    const shown = options.maxCount === undefined ? all : all.slice(-options.maxCount)
    if (context.json) await context.printJson(shown.map(versionJson))
    else for (const { name, time } of shown) await context.print(`${name}  ${formatTime(time.getTime())}`)
    return undefined
  },
})
