import { displayName } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { filesOf, updateByHand } from '../../mirror/origin/by-hand.ts'
import { findIndex } from '../../mirror/origin/find-index.ts'
import { IndexWriter } from '../../mirror/origin/index-writer.ts'
import type { OriginOptions } from '../../mirror/origin/origin-options.ts'
import { Origin } from '../../mirror/origin/origin.ts'
import {
  isEpoch,
  news,
  overview,
  type EventType,
  type NewsQuery,
  type RecentEvent,
} from '../../recent/index.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Exit } from '../exit-codes.ts'
import { formatNumberOf, formatTime } from '../format.ts'
import { changeJson, printChanges } from '../mirrors/change-lines.ts'
import { intervals, serializer } from '../mirrors/origin-options.ts'
import { overviewTable } from '../mirrors/overview-table.ts'
import { count, duration, flag, text } from '../options.ts'

const actions = ['init', 'update', 'aggregate', 'overview', 'news', 'fsck'] as const

const options = {
  intervals: intervals('--intervals <list>', 'init: the lengths of time of the files'),
  serializer: serializer('init: how files are written'),
  comment: text('--comment <text>', 'init: what to say in the index'),
  force: flag('-f, --force', 'init: anew, though there is an index; aggregate: all files, due or not'),
  add: flag('--add', 'update: these came or changed'),
  delete: flag('--delete', 'update: these went'),
  epoch: text('--epoch <seconds>', 'update: when, in the past; all mirrors will look at everything again'),
  after: text('--after <seconds>', 'news: later than this'),
  before: text('--before <seconds>', 'news: earlier than this'),
  max: count('-n, --max <n>', 'news: so many at most'),
  containsEpoch: text('--contains-epoch <seconds>', 'news: the event of this epoch'),
  containsPath: text('--contains-path <path>', 'news: the event of this path'),
  containsType: text('--contains-type <type>', 'news: the newest new or delete', ['new', 'delete']),
  skipDeletes: flag('--skip-deletes', 'news: only what came or changed'),
  keepDeletes: flag('--keep-deletes', 'aggregate: keep deletes in the Z file too'),
  remote: text(
    '--remote <source>',
    'news: of this origin, without a mirror; fsck: of a mirror: compare with this origin and repair (--yes)',
  ),
  yes: flag('-y, --yes', 'fsck: correct the index'),
  dryRun: flag('--dry-run', 'update, fsck: only say what would be told'),
  lockTimeout: duration('--lock-timeout <time>', 'wait so long for another that writes the index (else 10m)'),
}

type Options = Parameters<typeof dispatch>[3]

export const command: Command = defineCommand({
  about:
    'Works on the RECENT files of a published directory by hand. "init" lists all that is there. "update" tells of ' +
    'files that came or went (--add, --delete). "aggregate" merges what is new into the longer files. "overview" ' +
    'shows what the files cover. "news" lists what has changed, newest first. "fsck" compares the index with the ' +
    'directory, and with --yes corrects the index. The index is named by its directory or by its shortest file, and ' +
    'is that of the working directory when left out. tidemark publish does all this by itself.',
  arguments: [
    { name: '<action>', summary: actions.join(', '), completes: actions },
    { name: '[index]', summary: 'the directory, or its shortest RECENT file', completes: 'path' },
    { name: '[paths...]', summary: 'update: absolute, or from the directory', completes: 'path' },
  ],
  options,
  examples: [
    { command: 'tidemark recent init .', shows: 'an index of all that is there' },
    { command: 'tidemark recent init . && tidemark recent overview', shows: 'which file covers what' },
    { command: 'tidemark recent init . && tidemark recent news . --max 10', shows: 'the ten newest entries' },
    {
      command: 'tidemark recent init . && tidemark recent news --remote . --max 3',
      shows: 'of an origin anywhere: a directory, http(s)://, rsync://',
    },
    {
      command: 'tidemark recent init . && echo hello > new.txt && tidemark recent update . new.txt --add',
      shows: 'tell mirrors of a new file',
    },
    {
      command: 'tidemark recent init . && tidemark recent fsck . --yes',
      shows: 'that index and files agree',
    },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused', 'negative', 'interrupted', 'terminated'],
  run(context, [action, index, ...paths], given) {
    if (action === 'news' && given.remote !== undefined && index !== undefined)
      throw new TidemarkError('usage', 'recent news takes either an index here or --remote')
    return dispatch(context, action!, { index: index ?? context.workingDirectory, paths }, given)
  },
})

async function dispatch(
  context: Context,
  action: string,
  place: { readonly index: string; readonly paths: readonly string[] },
  given: {
    readonly intervals: readonly string[] | undefined
    readonly serializer: 'yaml' | 'json' | undefined
    readonly comment: string | undefined
    readonly force: boolean
    readonly add: boolean
    readonly delete: boolean
    readonly epoch: string | undefined
    readonly after: string | undefined
    readonly before: string | undefined
    readonly max: number | undefined
    readonly containsEpoch: string | undefined
    readonly containsPath: string | undefined
    readonly containsType: string | undefined
    readonly skipDeletes: boolean
    readonly keepDeletes: boolean
    readonly remote: string | undefined
    readonly yes: boolean
    readonly dryRun: boolean
    readonly lockTimeout: number | undefined
  },
): Promise<Exit | undefined> {
  const { index, paths } = place
  if (action !== 'update' && paths.length > 0)
    throw new TidemarkError('usage', `recent ${action} takes one index`)
  if (action === 'init') return init(context, index, given)
  if (action === 'fsck' && given.remote !== undefined) return fsckMirror(context, index, given.remote, given)
  if (action === 'fsck') return fsck(context, index, given)
  const writer = (): IndexWriter =>
    IndexWriter.open(index, { patienceMs: given.lockTimeout, signal: context.signal })
  if (action === 'update') return change(context, writer(), paths, given)
  if (action === 'aggregate') return merge(context, writer(), given)
  if (action === 'overview') return show(context, writer())
  if (action === 'news') return list(context, given, writer)
  throw new TidemarkError('usage', `${action}: not one of ${actions.join(', ')}`)
}

function originOptions(context: Context, given: Options, onProblem: () => void): OriginOptions {
  const progress = context.progress()
  return {
    patienceMs: given.lockTimeout,
    signal: context.signal,
    onProgress: ({ looked, bytes }) => progress.update({ phase: 'reading', files: looked, bytes }),
    onProblem(path, error) {
      onProblem()
      void context.warn(`${displayName(path)}: ${error.message}`).catch(() => {})
    },
  }
}

async function init(context: Context, index: string, given: Options): Promise<Exit | undefined> {
  if (!given.force && findIndex(index) !== undefined)
    throw new TidemarkError('exists', `${index} has an index already: --force makes it anew`)
  let problems = 0
  const origin = await Origin.open(index, {
    ...originOptions(context, given, () => problems++),
    intervals: given.intervals,
    suffix: given.serializer && `.${given.serializer}`,
    comment: given.comment,
    afresh: given.force,
  })
  try {
    const { entries, unstable } = await origin.check()
    await origin.writeSketch()
    if (context.json) await context.printJson({ directory: origin.directory, entries, unstable })
    else await context.tell(`listed ${formatNumberOf(entries, 'entry', 'entries')}`)
    return problems > 0 || unstable.length > 0 ? 'partial' : undefined
  } finally {
    origin.close()
  }
}

async function fsck(context: Context, index: string, given: Options): Promise<Exit | undefined> {
  if (given.yes && given.dryRun) throw new TidemarkError('usage', '--yes and --dry-run exclude each other')
  const found = findIndex(index)
  if (found === undefined) throw new TidemarkError('missing', `${index} has no index`)
  let problems = 0
  const origin = await Origin.open(
    found.directory,
    originOptions(context, given, () => problems++),
  )
  try {
    const { changes, entries, unstable } = await origin.check('everything', { dryRun: !given.yes })
    if (given.yes) await origin.writeSketch()
    if (context.json) {
      await context.printJson({ entries, changes: changes.map(changeJson), unstable, corrected: given.yes })
    } else {
      await printChanges(context, changes)
      const what =
        changes.length === 0
          ? 'index and files agree'
          : given.yes
            ? 'index corrected'
            : 'nothing done: --yes corrects the index'
      await context.tell(`${formatNumberOf(changes.length, 'difference')}; ${what}`)
    }
    if (problems > 0 || unstable.length > 0) return 'partial'
    return changes.length > 0 && !given.yes ? 'negative' : undefined
  } finally {
    origin.close()
  }
}

/** A mirror’s files are proven, not its index: that is the origin's. */
async function fsckMirror(
  context: Context,
  index: string,
  remote: string,
  { yes, dryRun }: Options,
): Promise<Exit | undefined> {
  if (!yes || dryRun) throw new TidemarkError('usage', 'fsck --remote repairs what differs: say --yes')
  const [{ Mirror }, { parseLocation }] = await Promise.all([
    import('../../mirror/follow/mirror.ts'),
    import('../../mirror/transport/location.ts'),
  ])
  const found = findIndex(index)
  if (found === undefined) throw new TidemarkError('missing', `${index} has no index`)
  const source = parseLocation(remote, context.workingDirectory)
  const mirror = new Mirror({ source, directory: found.directory, signal: context.signal })
  try {
    const { items, broken, removed, proven, repair } = await mirror.verify()
    if (context.json) await context.printJson({ items, broken, removed, proven, waiting: repair.waiting })
    else {
      const repaired = `${formatNumberOf(repair.files, 'file')} fetched, ${formatNumberOf(removed, 'entry', 'entries')} removed`
      await context.tell(`${formatNumberOf(items, 'entry', 'entries')} compared; ${repaired}`)
    }
    return repair.waiting > 0 ? 'partial' : undefined
  } finally {
    await mirror.close()
  }
}

async function change(
  context: Context,
  writer: IndexWriter,
  paths: readonly string[],
  given: Options,
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

async function merge(
  context: Context,
  writer: IndexWriter,
  { force, keepDeletes }: Options,
): Promise<undefined> {
  const written = await writer.locked(async () => {
    const intervals = await writer.aggregate({ force, keepDeletes })
    if (intervals.size > 0) await writer.writeHead()
    return [...intervals]
  })
  if (context.json) await context.printJson({ written })
  else await context.tell(written.length === 0 ? 'nothing to merge' : `wrote ${written.join(', ')}`)
}

async function show(context: Context, writer: IndexWriter): Promise<undefined> {
  const rows = overview([...filesOf(writer)])
  if (context.json) await context.printJson(rows)
  else for (const line of overviewTable(rows, context.options.verbose)) await context.print(line)
}

async function list(context: Context, given: Options, writer: () => IndexWriter): Promise<Exit | undefined> {
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

function newsQuery(given: Options): NewsQuery {
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

function epochOf(text: string | undefined, option: string): string | undefined {
  if (text === undefined || isEpoch(text)) return text
  throw new TidemarkError('usage', `${option} takes seconds since 1970, as 1795293114.25, not ${text}`)
}
