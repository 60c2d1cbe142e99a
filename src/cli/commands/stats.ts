import { newestFirst } from '../../history/log.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { repositoryStats } from '../../history/stats.ts'
import type { RepositoryStats, SnapshotStats } from '../../history/stats.ts'
import { idToHex } from '../../object/id.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatCount, formatNumberOf, formatSize, formatTime } from '../format.ts'
import { isoTime } from '../json.ts'
import { openPlace } from '../open-place.ts'
import { safeText } from '../safe-text.ts'
import { alignTable } from '../table.ts'

export const command: Command = defineCommand({
  about:
    'Tells how much a repository holds: all versions of all files, what is left of it when equal pieces count ' +
    'once, and what that takes compressed. Of each snapshot: its size, and what only it needs, which is what ' +
    'forgetting it alone would free. With --of only of the snapshots of one folder.',
  arguments: [],
  options: {},
  examples: [
    { command: 'tidemark stats', shows: 'of the repository of this folder' },
    { command: 'tidemark stats --json', shows: 'in bytes' },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context) {
    using place = await openPlace(context)
    const chosen = context.options.of === undefined ? undefined : await place.snapshots()
    const only = chosen && new Set(chosen.map(({ id }) => id))
    const stats = await repositoryStats(place.repository, { signal: place.signal, only })
    const of = new Map(stats.snapshots.map((one) => [one.id, one]))
    const snapshots = newestFirst(stats.snapshots).map(({ id }) => of.get(id)!)
    if (context.json) await context.printJson({ ...stats, snapshots: snapshots.map(snapshotJson) })
    else await print(context, stats, snapshots)
    return undefined
  },
})

function snapshotJson({ id, snapshot, ownChunks, ownBytes, ownStoredBytes }: SnapshotStats): object {
  const { time, root } = snapshot
  return {
    id: idToHex(id),
    time: isoTime(time),
    entries: root.count,
    bytes: root.size,
    ownChunks,
    ownBytes,
    ownStoredBytes,
  }
}

async function print(
  context: Context,
  stats: RepositoryStats,
  snapshots: readonly SnapshotStats[],
): Promise<void> {
  const { out } = context
  const title = ['SNAPSHOT', 'TIME', 'ENTRIES', 'SIZE', 'ONLY HERE', 'STORED', 'MESSAGE'].map((word) =>
    out.style('bold', word),
  )
  const rows = snapshots.map(({ id, snapshot, ownBytes, ownStoredBytes }) => [
    out.style('yellow', shortId(id)),
    formatTime(snapshot.time),
    formatCount(snapshot.root.count),
    formatSize(snapshot.root.size),
    formatSize(ownBytes),
    formatSize(ownStoredBytes),
    safeText(snapshot.message),
  ])
  const aligns = ['left', 'left', 'right', 'right', 'right', 'right', 'left'] as const
  if (rows.length > 0) for (const line of alignTable([title, ...rows], aligns)) await context.print(line)
  for (const line of alignTable(totals(stats, context.options.of !== undefined), ['left', 'right', 'left']))
    await context.print(line)
}

/** What is on disk is that of all folders; how it compares is told of all only. */
function totals(stats: RepositoryStats, isPart: boolean): string[][] {
  const { logicalBytes, usedBytes, usedStoredBytes, storedBytes, entries, usedChunks, packs, snapshots } =
    stats
  const share = (bytes: number): string =>
    bytes >= logicalBytes ? '' : `, ${((100 * bytes) / logicalBytes).toFixed(1)} %`
  const unused = isPart ? 0 : stats.chunkBytes - usedBytes
  const files = `${formatNumberOf(packs, 'pack')}, index and snapshots`
  return [
    [
      'all versions',
      formatSize(logicalBytes),
      `${formatNumberOf(entries, 'entry', 'entries')} in ${formatNumberOf(snapshots.length, 'snapshot')}`,
    ],
    ['equal pieces once', formatSize(usedBytes), `${formatNumberOf(usedChunks, 'chunk')}${share(usedBytes)}`],
    ['compressed', formatSize(usedStoredBytes), share(usedStoredBytes).slice(2)],
    ['on disk', formatSize(storedBytes), isPart ? `${files} of all folders` : files + share(storedBytes)],
    ...(unused > 0 ? [['no longer needed', formatSize(unused), 'before compression: tidemark prune']] : []),
  ]
}
