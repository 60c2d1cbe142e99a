import { displayName } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import type { Action, Step } from '../../folder/apply/step.ts'
import type { LoggedSnapshot } from '../../history/log.ts'
import { beforeRestoreTag, shortId } from '../../history/name-snapshot.ts'
import { restore } from '../../history/restore.ts'
import type { RestoreReport } from '../../history/restore.ts'
import type { StoredTree } from '../../history/restored-trees.ts'
import { takeSnapshot } from '../../history/snapshot.ts'
import { currentTree } from '../../history/status.ts'
import { idToHex } from '../../object/id.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatNumberOf, formatSize } from '../format.ts'
import type { Style } from '../output.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { flag, off, text } from '../options.ts'
import { findIn } from '../find-place.ts'
import { openPlace } from '../open-place.ts'
import type { Place } from '../place.ts'
import { restoreTarget } from '../restore-target.ts'
import { warnOfProblems } from '../snapshot-report.ts'

export const command: Command = defineCommand({
  about:
    'Brings back a whole snapshot, or some paths of it, into another directory or in place. Only what differs ' +
    'is written, nothing is deleted without --delete. Before it changes anything in place, a snapshot of what ' +
    'is there now is taken, so that this too can be undone.',
  arguments: [
    { name: '<snapshot>', summary: 'an id, a tag, latest, latest~3 or a time', completes: 'snapshot' },
    { name: '[path...]', summary: 'only these, with what is below them', completes: 'path' },
  ],
  options: {
    to: text('--to <dir>', 'restore into this directory, under the same paths; it is made', 'directory'),
    inPlace: flag('--in-place', 'restore into the folder itself'),
    dryRun: flag('-n, --dry-run', 'only show what would be done'),
    checksum: flag(
      '-c, --checksum',
      'with --to: read and compare files that have the right size and time already',
    ),
    delete: flag('--delete', 'delete what the snapshot does not have (below the paths)'),
    snapshot: off(
      '--no-snapshot',
      'in place: do not record first what is there now, nor spare what cannot be read',
    ),
  },
  examples: [
    { command: 'tidemark restore latest --to ../restored', shows: 'the whole folder as it was, beside it' },
    { command: 'tidemark restore latest~1 notes.txt --in-place', shows: 'one file, as it was before' },
    {
      command: 'tidemark restore "1 hour ago" --in-place --delete --dry-run',
      shows: 'what going back an hour would do',
    },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused'],
  async run(context, [name = '', ...paths], options) {
    await keepHeapLean()
    if ((options.to === undefined) === !options.inPlace) {
      throw new TidemarkError('usage', 'say where to restore: either --to DIR or --in-place')
    }
    if (options.checksum && options.inPlace)
      throw new TidemarkError('usage', '--checksum goes with --to: --in-place knows what has changed')
    using place = await openPlace(context)
    const logged = await place.snapshot(name)
    const found: Name[] = []
    for (const path of paths) found.push((await findIn(place, logged, path)).path)
    const target =
      options.to === undefined
        ? rootOf(place)
        : restoreTarget(place, context.workingDirectory, options.to, options.delete)
    const before = options.inPlace
      ? await lookFirst(context, place, options.snapshot && !options.dryRun)
      : undefined
    const progress = context.progress()
    const steps: Step[] = []
    const showSteps = !context.json && (options.dryRun || context.options.verbose)
    try {
      const report = await restore(await place.contents(), logged.snapshot.root, target, {
        ...(found.length === 0 ? {} : { paths: found }),
        ...(before === undefined ? {} : { current: before, excluded: place.folder?.excluded }),
        repository: place.keepsContents ? place.repository : undefined,
        delete: options.delete,
        checksum: options.checksum,
        replaceUnread: !options.snapshot,
        dryRun: options.dryRun,
        signal: context.signal,
        onProgress: (state) => progress.update(state),
        onStep: (step) => {
          if (showSteps) context.out.add(showStep(context, step))
          else if (context.json && options.dryRun) steps.push(step)
        },
      })
      progress.clear()
      await warnOfProblems(context, report.problems, report.problemCount)
      if (context.json)
        await context.printJson(
          reportJson(logged, target, report, before?.taken, options.dryRun ? steps : undefined),
        )
      else await context.tell(summary(report, target, options.dryRun))
      if (isDamage(report, place)) {
        await context.note('the repository is damaged (tidemark verify says what is lost)')
        return 'damage'
      }
      return report.problemCount === 0 && !place.uncertain ? undefined : 'partial'
    } finally {
      progress.clear()
    }
  },
})

function isDamage({ problemCodes }: RestoreReport, place: Place): boolean {
  return problemCodes.has('corrupt') || (problemCodes.has('missing') && place.keepsContents)
}

function rootOf({ folder }: Place): string {
  if (folder !== undefined) return folder.root
  throw new TidemarkError('usage', '--in-place needs a folder: with --repository say --to DIR')
}

interface Before extends StoredTree {
  /** The snapshot that had to be taken for it, if one had. */
  readonly taken: string | undefined
}

/**
 * The folder as it is now, so that only what differs is looked at, and what is left out of it left alone. It
 * is recorded, if it may be, so that nothing is lost by what comes.
 */
async function lookFirst(context: Context, place: Place, record: boolean): Promise<Before | undefined> {
  const { folder, repository } = place
  if (folder === undefined) return undefined
  const progress = context.progress()
  const onProgress = ({ files, bytes }: { files: number; bytes: number }): void =>
    progress.update({ phase: 'looking at what is there', files, bytes })
  const { signal } = context
  try {
    const look = { signal, onProgress, onDisk: true }
    if (!record) return { ...(await currentTree(folder, look)), taken: undefined }
    const { id, snapshot, parent, problems } = await takeSnapshot(folder, {
      tags: [beforeRestoreTag],
      onlyIfChanged: true,
      signal,
      onProgress,
    })
    progress.clear()
    await warnOfProblems(context, problems)
    if (id !== undefined) await context.note(`what is there now is kept as ${shortId(id)}`)
    // Its snapshot tells of more than is on the disk.
    if ((await folder.held()) !== undefined)
      return { ...(await currentTree(folder, look)), taken: id && idToHex(id) }
    const last =
      snapshot ?? (parent === undefined ? undefined : await repository.snapshots.read(parent, { signal }))
    return last && { store: repository, root: last.root, taken: id && idToHex(id) }
  } finally {
    progress.clear()
  }
}

const verbs: Readonly<Record<Action, readonly [string, Style]>> = {
  make: ['make', 'green'],
  write: ['write', 'yellow'],
  check: ['compare', 'dim'],
  replace: ['replace', 'yellow'],
  link: ['link', 'green'],
  metadata: ['touch', 'dim'],
  delete: ['delete', 'red'],
  refuse: ['skip', 'red'],
}

function showStep({ out }: Context, { action, path, before, after }: Step): string {
  const [verb, style] = verbs[action]
  const slash = (after ?? before)?.kind === 'directory' && path !== '' ? '/' : ''
  return `${out.style(style, verb.padEnd(7))}  ${displayName(path === '' ? '.' : path)}${slash}`
}

function summary(report: RestoreReport, target: string, dryRun: boolean): string {
  const { files, bytes, directories, specials, links, metadata, deleted, unchanged } = report
  const made = directories + specials + links
  const parts = [
    `${formatNumberOf(files, 'file')} written (${formatSize(bytes)})`,
    made === 0 ? '' : `${formatNumberOf(made, 'other entry', 'other entries')} made`,
    metadata === 0 ? '' : `${formatNumberOf(metadata, 'entry', 'entries')} touched`,
    deleted === 0 ? '' : `${formatNumberOf(deleted, 'entry', 'entries')} deleted`,
    unchanged === 0 ? '' : `${formatNumberOf(unchanged, 'entry', 'entries')} right already`,
  ]
  const nothing = files + made + metadata + deleted === 0
  const what = nothing ? 'nothing differs' : parts.filter((part) => part !== '').join(', ')
  return `${displayName(target)}: ${what}${dryRun ? ' (nothing was done: --dry-run)' : ''}`
}

function reportJson(
  { id }: LoggedSnapshot,
  target: string,
  report: RestoreReport,
  recorded: string | undefined,
  steps: readonly Step[] | undefined,
): object {
  const { problems, problemCount, problemCodes: _, ...counts } = report
  return {
    snapshot: idToHex(id),
    target,
    recorded: recorded ?? null,
    dryRun: steps !== undefined,
    ...counts,
    problems: problems.map(({ path, code, message }) => ({ path, code, message })),
    problemCount,
    ...(steps === undefined ? {} : { steps: steps.map(({ path, action }) => ({ path, action })) }),
  }
}
