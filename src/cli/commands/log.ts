import { displayName } from '../../bytes/name.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { LoggedSnapshot } from '../../history/log.ts'
import { areOfSeveralFolders } from '../folders-in-sight.ts'
import { formatCount, formatNumberOf, formatSize, formatTime } from '../format.ts'
import { snapshotJson } from '../json.ts'
import { count, flag, texts } from '../options.ts'
import { openPlace } from '../open-place.ts'
import { safeText } from '../safe-text.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { alignTable } from '../table.ts'

export const command: Command = defineCommand({
  about: 'Lists the snapshots of the folder, or of a repository, newest first.',
  arguments: [],
  options: {
    maxCount: count('-n, --max-count <n>', 'no more than this many', 1),
    tag: texts('-t, --tag <tag>', 'only those with this tag (may be repeated: with any of them)', 'tag'),
    all: flag('-a, --all', 'those of other folders in the same repository too'),
  },
  examples: [
    { command: 'tidemark log', shows: 'all snapshots' },
    { command: 'tidemark log -n 5 --json', shows: 'the newest five, for a program' },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context, _args, options) {
    using place = await openPlace(context)
    const all = await place.snapshots({ all: options.all })
    const tagged =
      options.tag.length === 0
        ? all
        : all.filter(({ snapshot }) => options.tag.some((tag) => snapshot.tags.includes(tag)))
    const shown = tagged.slice(0, options.maxCount)
    if (context.json) await context.printJson(shown.map(({ id, snapshot }) => snapshotJson(id, snapshot)))
    else if (all.length > 0 && shown.length === 0)
      await context.note(`none of the ${formatNumberOf(all.length, 'snapshot')} has such a tag`)
    else await printLog(context, shown)
    return place.damaged.size > 0 ? 'damage' : undefined
  },
})

async function printLog(context: Context, snapshots: readonly LoggedSnapshot[]): Promise<void> {
  if (snapshots.length === 0) {
    await context.note('no snapshots yet (tidemark snapshot takes one)')
    return
  }
  const { out } = context
  const whichFolder = context.options.verbose || areOfSeveralFolders(snapshots)
  const folderTitle = whichFolder ? ['FOLDER'] : []
  const title = ['SNAPSHOT', 'TIME', 'ENTRIES', 'SIZE', 'HOST', ...folderTitle, 'MESSAGE'].map((word) =>
    out.style('bold', word),
  )
  const rows = snapshots.map(({ id, snapshot }) => [
    out.style('yellow', shortId(id)),
    formatTime(snapshot.time),
    formatCount(snapshot.root.count),
    formatSize(snapshot.root.size),
    safeText(snapshot.host),
    ...(whichFolder ? [displayName(snapshot.path)] : []),
    [safeText(snapshot.message), ...remarks(context, snapshot)].filter((text) => text !== '').join('  '),
  ])
  const aligns = ['left', 'left', 'right', 'right', 'left', 'left', 'left'] as const
  for (const line of alignTable([title, ...rows], aligns)) await context.print(line)
}

function remarks({ out }: Context, snapshot: LoggedSnapshot['snapshot']): string[] {
  const { tags, unreadable, unstable, parents } = snapshot
  return [
    tags.length === 0 ? '' : out.style('green', `[${tags.map(safeText).join(', ')}]`),
    parents.length > 1 ? 'merge' : '',
    unreadable === 0 ? '' : out.style('red', `${unreadable} unreadable`),
    unstable === 0 ? '' : out.style('red', `${unstable} unstable`),
  ]
}
