import { displayName } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { filesOf } from '../../mirror/origin/by-hand.ts'
import type { IndexWriter } from '../../mirror/origin/index-writer.ts'
import { news } from '../../recent/index.ts'
import type { NewsQuery, RecentEvent } from '../../recent/index.ts'
import type { Context } from '../context.ts'
import type { Exit } from '../exit-codes.ts'
import { formatTime } from '../format.ts'
import { changeJson } from '../mirrors/change-lines.ts'
import { epochOf } from './epoch.ts'
import type { RecentOptions } from './options.ts'

export async function listNews(
  context: Context,
  given: RecentOptions,
  writer: () => IndexWriter,
): Promise<Exit | undefined> {
  const query = newsQuery(given)
  let found = 0
  for (const event of await eventsOf(context, given.remote, query, writer)) {
    found++
    if (context.json) await context.printJson(changeJson(event))
    else {
      const mark = event.type === 'new' ? '+' : '-'
      await context.print(`${formatTime(Number(event.epoch) * 1000)}  ${mark} ${displayName(event.path)}`)
    }
  }
  const isSearch = Object.values(query.contains ?? {}).some((wanted) => wanted !== undefined)
  return isSearch && found === 0 ? 'negative' : undefined
}

function newsQuery(given: RecentOptions): NewsQuery {
  const { containsEpoch, containsPath: path, containsType: type, max, skipDeletes } = given
  if (type !== undefined && type !== 'new' && type !== 'delete')
    throw new TidemarkError('usage', `${type}: not new or delete`)
  const epoch = epochOf(containsEpoch, '--contains-epoch')
  const isSearch = epoch !== undefined || path !== undefined || type !== undefined
  return {
    after: epochOf(given.after, '--after'),
    before: epochOf(given.before, '--before'),
    max: max ?? (isSearch ? 1 : undefined),
    skipDeletes,
    contains: { epoch, path, type },
  }
}

async function eventsOf(
  context: Context,
  remote: string | undefined,
  query: NewsQuery,
  writer: () => IndexWriter,
): Promise<Iterable<RecentEvent>> {
  if (remote === undefined) return news(filesOf(writer()), query)
  const [{ remoteNews }, { parseLocation }] = await Promise.all([
    import('../../mirror/follow/remote-news.ts'),
    import('../../mirror/transport/location.ts'),
  ])
  return remoteNews(parseLocation(remote, context.workingDirectory), query, context.signal)
}
