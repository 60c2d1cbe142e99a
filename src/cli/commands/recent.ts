import { TidemarkError } from '../../errors.ts'
import { IndexWriter } from '../../mirror/origin/index-writer.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Exit } from '../exit-codes.ts'
import { intervals, serializer } from '../mirrors/origin-options.ts'
import { count, duration, flag, text } from '../options.ts'
import { aggregateIndex, showOverview, updateIndex } from '../recent/by-hand.ts'
import { checkIndex, checkMirror, initIndex } from '../recent/check.ts'
import { listNews } from '../recent/news.ts'
import type { RecentOptions } from '../recent/options.ts'

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
  given: RecentOptions,
): Promise<Exit | undefined> {
  const { index, paths } = place
  if (action !== 'update' && paths.length > 0)
    throw new TidemarkError('usage', `recent ${action} takes one index`)
  if (action === 'init') return initIndex(context, index, given)
  if (action === 'fsck' && given.remote !== undefined) return checkMirror(context, index, given.remote, given)
  if (action === 'fsck') return checkIndex(context, index, given)
  const writer = (): IndexWriter =>
    IndexWriter.open(index, { patienceMs: given.lockTimeout, signal: context.signal })
  if (action === 'update') return updateIndex(context, writer(), paths, given)
  if (action === 'aggregate') return aggregateIndex(context, writer(), given)
  if (action === 'overview') return showOverview(context, writer())
  if (action === 'news') return listNews(context, given, writer)
  throw new TidemarkError('usage', `${action}: not one of ${actions.join(', ')}`)
}
