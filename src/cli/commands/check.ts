import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { formatNumberOf } from '../format.ts'
import { safeText } from '../safe-text.ts'
import { nameArgument, newestVersion, openStream, streamOptions } from '../streams/open-stream.ts'

export const command: Command = defineCommand({
  about:
    'Replays the whole history of a stream: every diff must apply, every content match its hash, the full copies be ' +
    'what the diffs lead to, and latest.txt be the newest version. Changes nothing. Ends with 5 when something is wrong.',
  arguments: [nameArgument],
  options: streamOptions,
  examples: [
    { command: 'tidemark record disks -- df -h && tidemark check disks', shows: 'that all is well' },
  ],
  exits: ['missing', 'damage', 'refused'],
  async run(context, [name], options) {
    const stream = openStream(context, name!, options)
    await newestVersion(stream, name!)
    const report = await stream.check({ signal: context.signal })
    if (context.json) await context.printJson(report)
    else {
      for (const problem of report.problems) await context.warn(problem)
      for (const file of report.strangers) await context.note(`not part of the stream: ${safeText(file)}`)
      await context.tell(
        `${formatNumberOf(report.versions, 'version')}, ${formatNumberOf(report.problems.length, 'problem')}`,
      )
    }
    return report.problems.length > 0 ? 'damage' : undefined
  },
})
