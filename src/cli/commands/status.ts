import { displayName } from '../../bytes/name.ts'
import { diffBatches } from '../../history/diff.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { currentTree } from '../../history/status.ts'
import type { CurrentTree } from '../../history/status.ts'
import type { Folder } from '../../folder/folder.ts'
import { ChangePrinter } from '../changes.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatNumberOf, formatSize, formatTime } from '../format.ts'
import { flag } from '../options.ts'
import { openContextFolder } from '../open-place.ts'
import { sayDamaged } from '../say-missing.ts'
import { safeText } from '../safe-text.ts'
import { warnOfProblems } from '../snapshot-report.ts'

export const command: Command = defineCommand({
  about:
    'Shows what a snapshot taken now would record: what has changed in the folder since the last one. Nothing ' +
    'is recorded. The letters are those of tidemark diff. Of a folder that is kept in step it also says how it stands ' +
    'with its peers; --sync says only that, and looks at no files.',
  arguments: [],
  options: {
    oneFileSystem: flag('-x, --one-file-system', 'leave out other file systems mounted inside the folder'),
    sync: flag('--sync', 'only how the folder stands with its peers'),
    exitCode: flag('--exit-code', 'end with 8 when anything has changed'),
  },
  examples: [
    { command: 'tidemark status', shows: 'what has changed' },
    { command: 'tidemark status --sync', shows: 'how it stands with its peers' },
    {
      command: 'tidemark status --exit-code --quiet > /dev/null || tidemark snapshot',
      shows: 'only asks whether',
    },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused', 'negative'],
  async run(context, _args, { oneFileSystem, exitCode, sync }) {
    const folder = await openContextFolder(context)
    const progress = context.progress()
    try {
      if (sync) {
        const { printSyncStatus } = await import('../sync/sync-status.ts')
        const exit = await printSyncStatus(context, folder.root)
        return exitCode ? exit : undefined
      }
      const tree = await currentTree(folder, {
        oneFileSystem,
        signal: context.signal,
        onProgress: ({ files, bytes }) => progress.update({ phase: 'looking', files, bytes }),
      })
      progress.clear()
      await warnOfProblems(context, tree.problems)
      await printHead(context, folder, tree)
      if (!context.json) {
        const { noteSyncStatus } = await import('../sync/sync-status.ts')
        await noteSyncStatus(context, folder.root)
      }
      const any = await printChanges(context, tree)
      if (tree.problems.length > 0) return 'partial'
      return exitCode && any ? 'negative' : undefined
    } finally {
      progress.clear()
      folder.close()
    }
  },
})

async function printHead(context: Context, folder: Folder, { base }: CurrentTree): Promise<void> {
  const { history } = folder.settings
  const what = history === 'kept' ? 'history in' : 'only the timeline is kept, in'
  await context.note(`${displayName(folder.root)}: ${what} ${safeText(folder.place)}`)
  if (base === undefined) return
  const { time } = await (await folder.repository()).snapshots.read(base)
  await context.note(`last snapshot ${shortId(base)} of ${formatTime(time)}`)
}

/** True when there were any. */
async function printChanges(context: Context, tree: CurrentTree): Promise<boolean> {
  const { before, root, base, counts } = tree
  const store = sayDamaged(tree.store)
  if (base === undefined && !context.json && !context.options.verbose) {
    const files = `${formatNumberOf(counts.files, 'file')}, ${formatSize(counts.bytes)}`
    await context.print(`no snapshot yet: all of ${files} would be recorded`)
    return true
  }
  const printer = new ChangePrinter(context, { nameOnly: false, null: false })
  for await (const batch of diffBatches(store, before, root, { detectMoves: true, signal: context.signal })) {
    for (const change of batch) await printer.print(change)
  }
  await printer.end()
  return printer.any
}
