import { displayName } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { forget, forgetSnapshots } from '../../history/forget.ts'
import type { ForgetReport } from '../../history/forget.ts'
import type { LoggedSnapshot } from '../../history/log.ts'
import { shortId } from '../../history/name-snapshot.ts'
import type { RetentionPolicy } from '../../history/retention.ts'
import { idToHex } from '../../object/id.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatNumberOf, formatTime } from '../format.ts'
import { isoTime } from '../json.ts'
import { countsOf, keepOptions } from '../keep-options.ts'
import { flag, text, texts } from '../options.ts'
import { openPlace } from '../open-place.ts'
import type { Place } from '../place.ts'
import { safeText } from '../safe-text.ts'
import { alignTable } from '../table.ts'

export const command: Command = defineCommand({
  about:
    'Removes snapshots: those that are named, or all that no --keep rule wants. The newest always stays when ' +
    'rules are given. In a repository of several folders the rules count for each. The space comes back with ' +
    'tidemark prune.',
  arguments: [{ name: '[snapshot...]', summary: 'forget just these', completes: 'snapshot' }],
  options: {
    ...keepOptions,
    keepWithin: text(
      '--keep-within <time>',
      'keep all that are at most so much older than the newest: 1y6m, 2w, 14d, 36h (m are months)',
    ),
    keepTag: texts('--keep-tag <tag>', 'keep all with this tag (may be repeated)', 'tag'),
    dryRun: flag('-n, --dry-run', 'only show what would stay, and why'),
  },
  examples: [
    {
      command: 'tidemark forget --keep-last 10 --keep-daily 14 --keep-monthly 12 --dry-run',
      shows: 'what such a policy would do',
    },
    {
      command: 'tidemark forget --keep-within 1d --keep-tag start && tidemark prune',
      shows: 'only one day and what is tagged so',
    },
    { command: 'tidemark forget latest~1', shows: 'one snapshot' },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context, names, options) {
    const { dryRun } = options
    const policy: RetentionPolicy = {
      ...countsOf(options),
      within: options.keepWithin,
      tags: options.keepTag.length === 0 ? undefined : options.keepTag,
    }
    const rules = Object.values(policy).some((rule) => rule !== undefined)
    if (names.length > 0 === rules) {
      throw new TidemarkError('usage', 'say what to forget: either snapshots, or rules like --keep-last 10')
    }
    using place = await openPlace(context)
    const report = rules ? await byPolicy(place, policy, dryRun) : await byName(place, names, dryRun)
    if (context.json) await context.printJson(reportJson(report, dryRun))
    else await print(context, report, dryRun)
    return undefined
  },
})

async function byPolicy(place: Place, policy: RetentionPolicy, dryRun: boolean): Promise<ForgetReport> {
  const folders = new Set((await place.snapshots()).map(({ snapshot }) => snapshot.folder))
  const kept: ForgetReport['kept'][number][] = []
  const forgotten: LoggedSnapshot[] = []
  for (const folder of folders) {
    const report = await forget(place.repository, folder, policy, { dryRun, signal: place.signal })
    kept.push(...report.kept)
    forgotten.push(...report.forgotten)
  }
  return { kept, forgotten }
}

async function byName(place: Place, names: readonly string[], dryRun: boolean): Promise<ForgetReport> {
  const found = new Map<string, LoggedSnapshot>()
  for (const name of names) {
    const logged = await place.snapshot(name)
    if (place.uncertain)
      throw new TidemarkError('corrupt', `${name} may mean a damaged snapshot: name what to forget by its id`)
    const { folder } = place
    if (folder !== undefined && logged.snapshot.folder !== folder.settings.folder) {
      const advice = 'forget it there, or with --repository'
      throw new TidemarkError(
        'usage',
        `${name} is a snapshot of ${displayName(logged.snapshot.path)}: ${advice}`,
      )
    }
    found.set(logged.id, logged)
  }
  await forgetSnapshots(place.repository, [...found.keys()], { dryRun, signal: place.signal })
  return { kept: [], forgotten: [...found.values()] }
}

async function print(context: Context, { kept, forgotten }: ForgetReport, dryRun: boolean): Promise<void> {
  const { out } = context
  if (dryRun || context.options.verbose) {
    const row = (mark: string, { id, snapshot }: LoggedSnapshot, why: string): string[] => [
      mark,
      out.style('yellow', shortId(id)),
      formatTime(snapshot.time),
      safeText(why),
    ]
    const rows = [
      ...kept.map(({ snapshot, reasons }) => row(out.style('green', 'keep'), snapshot, reasons.join(', '))),
      ...forgotten.map((logged) => row(out.style('red', 'forget'), logged, logged.snapshot.message)),
    ]
    for (const line of alignTable(rows)) await context.print(line)
  }
  const gone = formatNumberOf(forgotten.length, 'snapshot')
  const left = kept.length === 0 ? '' : `, ${formatNumberOf(kept.length, 'snapshot')} kept`
  await context.tell(`${gone} ${dryRun ? 'would be forgotten' : 'forgotten'}${left}`)
  if (!dryRun && forgotten.length > 0) await context.note('tidemark prune gives back their space')
}

function reportJson({ kept, forgotten }: ForgetReport, dryRun: boolean): object {
  return {
    dryRun,
    kept: kept.map(({ snapshot, reasons }) => ({ ...brief(snapshot), reasons })),
    forgotten: forgotten.map(brief),
  }
}

function brief({ id, snapshot }: LoggedSnapshot): object {
  return {
    id: idToHex(id),
    time: isoTime(snapshot.time),
    folder: snapshot.folder,
    message: snapshot.message,
    tags: snapshot.tags,
  }
}
