import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { count, flag } from '../options.ts'
import { nameArgument, openStream, streamOptions, versionJson } from '../streams/open-stream.ts'

export const command: Command = defineCommand({
  about:
    'Prints each new version of a stream as it lands: its name, or its diff, or its content. Runs until it is stopped.',
  arguments: [nameArgument],
  options: {
    ...streamOptions,
    diff: flag('-d, --diff', 'print what each version changed'),
    content: flag('-c, --content', 'print each version in full'),
    all: flag('-a, --all', 'begin with the versions that are there already'),
    maxCount: count('-n, --max-count <n>', 'end after so many versions', 1),
  },
  examples: [
    {
      command: 'tidemark record dates -- date && tidemark follow dates --all -n 1 --diff',
      shows: 'the diffs from the beginning on, one of them',
    },
  ],
  exits: ['damage', 'refused'],
  async run(context, [name], options) {
    const stream = openStream(context, name!, options)
    let before = options.all ? undefined : await stream.latest()
    let left = options.maxCount ?? Infinity
    for await (const version of stream.follow({ signal: context.signal, all: options.all })) {
      const diff = options.diff ? (await stream.diff(before, version)).toString() : undefined
      before = version
      if (context.json) {
        const content = options.content ? { content: await version.text() } : {}
        await context.printJson({
          ...versionJson(version),
          ...(diff === undefined ? {} : { diff }),
          ...content,
        })
      } else if (diff !== undefined) await context.out.bytes(Buffer.from(diff))
      else if (options.content) await context.out.bytes(await version.bytes())
      else await context.print(version.name)
      await context.out.flush()
      if (--left <= 0) break
    }
    return undefined
  },
})
