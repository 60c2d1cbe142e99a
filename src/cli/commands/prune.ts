import { prune } from '../../history/prune.ts'
import type { PruneReport } from '../../history/prune.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatNumberOf, formatSize } from '../format.ts'
import { duration, flag } from '../options.ts'
import { openPlace, refuseOf } from '../open-place.ts'

const defaultWait = 30_000

export const command: Command = defineCommand({
  about:
    'Gives back the space of what no snapshot needs any more. Others may read and record meanwhile: what they ' +
    'may rely on is waited for a while, then left to the next prune. Snapshots are not touched; forget ' +
    'removes those.',
  arguments: [],
  options: {
    dryRun: flag('-n, --dry-run', 'only say what would be done'),
    wait: duration('--wait <time>', 'wait this long for those that record meanwhile, as 10m (else 30s)'),
  },
  examples: [
    { command: 'tidemark prune', shows: 'after forget, or after an interrupted snapshot' },
    { command: 'tidemark prune --dry-run', shows: 'how much it would give back' },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context, _args, { dryRun, wait = defaultWait }) {
    refuseOf(context, 'prune clears')
    using place = await openPlace(context)
    const report = await prune(place.repository, { dryRun, waitMs: wait, signal: context.signal })
    if (context.json) await context.printJson({ dryRun, ...report, waitingFor: report.waitingFor.map(pidOf) })
    else await print(context, report, dryRun)
    return undefined
  },
})

async function print(context: Context, report: PruneReport, dryRun: boolean): Promise<void> {
  const { packs, bytes, dead, rewritten, condemnedBytes, copiedBytes, deleted, deletedBytes, waitingFor } =
    report
  const before = `${formatNumberOf(packs, 'pack')}, ${formatSize(bytes)}`
  if (dryRun) {
    const gain = formatSize(Math.max(0, condemnedBytes - copiedBytes))
    const work = `${formatNumberOf(dead, 'pack')} would go, ${formatNumberOf(rewritten, 'pack')} would be rewritten`
    await context.print(`${before}: ${work}, which gives back ${gain}`)
    return
  }
  const kept = copiedBytes === 0 ? '' : `, ${formatSize(copiedBytes)} of them rewritten`
  await context.tell(
    `${before}: ${formatNumberOf(deleted, 'pack')} deleted (${formatSize(deletedBytes)}${kept})`,
  )
  if (waitingFor.length === 0) return
  const others = waitingFor.map(({ holder }) => (holder === undefined ? 'unknown' : `process ${holder.pid}`))
  await context.warn(`something is being recorded (${others.join(', ')}): the rest is left to the next prune`)
}

/** Null when the lease cannot be read. */
function pidOf({ holder }: PruneReport['waitingFor'][number]): { pid: number | null } {
  return { pid: holder?.pid ?? null }
}
