import { displayName } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { findIndex } from '../../mirror/origin/find-index.ts'
import type { OriginOptions } from '../../mirror/origin/origin-options.ts'
import { Origin } from '../../mirror/origin/origin.ts'
import type { Context } from '../context.ts'
import type { Exit } from '../exit-codes.ts'
import { formatNumberOf } from '../format.ts'
import { changeJson, printChanges } from '../mirrors/change-lines.ts'
import type { RecentOptions } from './options.ts'

function originOptions(context: Context, given: RecentOptions, onProblem: () => void): OriginOptions {
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

export async function initIndex(
  context: Context,
  index: string,
  given: RecentOptions,
): Promise<Exit | undefined> {
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

export async function checkIndex(
  context: Context,
  index: string,
  given: RecentOptions,
): Promise<Exit | undefined> {
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
export async function checkMirror(
  context: Context,
  index: string,
  remote: string,
  { yes, dryRun }: RecentOptions,
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
