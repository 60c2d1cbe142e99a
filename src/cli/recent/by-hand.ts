import { TidemarkError } from '../../errors.ts'
import { filesOf, updateByHand } from '../../mirror/origin/by-hand.ts'
import type { IndexWriter } from '../../mirror/origin/index-writer.ts'
import { overview } from '../../recent/index.ts'
import type { EventType } from '../../recent/index.ts'
import type { Context } from '../context.ts'
import { changeJson, printChanges } from '../mirrors/change-lines.ts'
import { overviewTable } from '../mirrors/overview-table.ts'
import { epochOf } from './epoch.ts'
import type { RecentOptions } from './options.ts'

export async function updateIndex(
  context: Context,
  writer: IndexWriter,
  paths: readonly string[],
  given: RecentOptions,
): Promise<undefined> {
  if (given.add === given.delete)
    throw new TidemarkError('usage', 'recent update takes either --add or --delete')
  if (paths.length === 0)
    throw new TidemarkError('usage', 'recent update takes the index, then paths in its tree')
  const type: EventType = given.add ? 'new' : 'delete'
  const { dryRun } = given
  const changes = await updateByHand(writer, { type, paths, epoch: epochOf(given.epoch, '--epoch'), dryRun })
  if (context.json) await context.printJson({ changes: changes.map(changeJson), dryRun })
  else await printChanges(context, changes)
}

export async function aggregateIndex(
  context: Context,
  writer: IndexWriter,
  { force, keepDeletes }: RecentOptions,
): Promise<undefined> {
  const written = await writer.locked(async () => {
    const intervals = await writer.aggregate({ force, keepDeletes })
    if (intervals.size > 0) await writer.writeHead()
    return [...intervals]
  })
  if (context.json) await context.printJson({ written })
  else await context.tell(written.length === 0 ? 'nothing to merge' : `wrote ${written.join(', ')}`)
}

export async function showOverview(context: Context, writer: IndexWriter): Promise<undefined> {
  const rows = overview([...filesOf(writer)])
  if (context.json) await context.printJson(rows)
  else for (const line of overviewTable(rows, context.options.verbose)) await context.print(line)
}
