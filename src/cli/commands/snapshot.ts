import { shortId } from '../../history/name-snapshot.ts'
import { takeSnapshot } from '../../history/snapshot.ts'
import type { SnapshotReport } from '../../history/snapshot.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatDuration, formatNumberOf, formatSize } from '../format.ts'
import { checkMessage, checkTags } from '../labels.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { flag, text, texts } from '../options.ts'
import { openOwnFolder } from '../open-place.ts'
import { reportJson, warnOfProblems } from '../snapshot-report.ts'

export const command: Command = defineCommand({
  about:
    'Records the folder as it is now. Files that have not changed since the last snapshot are not read. When ' +
    'nothing at all has changed no snapshot is taken, unless --message, --tag or --always asks for one. What ' +
    'cannot be read is reported, the rest is recorded.',
  arguments: [],
  options: {
    message: text('-m, --message <text>', 'a note to find it by'),
    tag: texts('-t, --tag <tag>', 'a name for it; forget can spare tagged ones (may be repeated)', 'tag'),
    always: flag('--always', 'take one even when nothing has changed'),
    oneFileSystem: flag('-x, --one-file-system', 'leave out other file systems mounted inside the folder'),
  },
  examples: [
    { command: 'tidemark snapshot', shows: 'what is there now' },
    { command: 'tidemark snapshot -m "before the clean-up" --tag keep', shows: 'with a note and a tag' },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused'],
  async run(context, _args, options) {
    await keepHeapLean()
    const { message, tag: tags, always, oneFileSystem } = options
    checkTags(tags)
    checkMessage(message)
    const folder = await openOwnFolder(context)
    const progress = context.progress()
    const start = performance.now()
    try {
      const report = await takeSnapshot(folder, {
        message,
        tags,
        always,
        oneFileSystem,
        signal: context.signal,
        onProgress: ({ files, bytes }) => progress.update({ phase: 'recording', files, bytes }),
      })
      progress.clear()
      await print(context, report, performance.now() - start)
      return report.problems.length === 0 ? undefined : 'partial'
    } finally {
      progress.clear()
      folder.close()
    }
  },
})

async function print(context: Context, report: SnapshotReport, duration: number): Promise<void> {
  await warnOfProblems(context, report.problems)
  if (context.json) {
    await context.printJson(reportJson(report))
    return
  }
  const { id, parent, files, bytes, read, stored } = report
  if (id === undefined) {
    const since = parent === undefined ? '' : ` since ${shortId(parent)}`
    await context.tell(`nothing has changed${since}`)
    return
  }
  const all = `${formatNumberOf(files, 'file')}, ${formatSize(bytes)}`
  const work = `${formatSize(read)} read, ${formatSize(stored)} stored, ${formatDuration(duration)}`
  await context.tell(`snapshot ${context.out.style('yellow', shortId(id))}: ${all} (${work})`)
}
