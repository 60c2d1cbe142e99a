import { displayName } from '../../bytes/name.ts'
import type { Folder } from '../../folder/folder.ts'
import { shortId } from '../../history/name-snapshot.ts'
import type { SnapshotReport } from '../../history/snapshot.ts'
import { watchFolder } from '../../history/watch.ts'
import type { WatchEvent } from '../../history/watch-event.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { formatNumberOf, formatSize, formatTime } from '../format.ts'
import { duration, flag } from '../options.ts'
import { openOwnFolder } from '../open-place.ts'
import { safeText } from '../safe-text.ts'
import { reportJson, warnOfProblems } from '../snapshot-report.ts'
import { ownProgram, systemdUnit } from '../systemd-unit.ts'

export const command: Command = defineCommand({
  about:
    'Takes a snapshot whenever something has changed in the folder, until it is stopped (Ctrl-C). Changes are ' +
    'gathered: a snapshot comes two seconds after the last one, and every thirty seconds while there is no end ' +
    'of them. From time to time everything is looked at again, for what the system did not tell. A folder that ' +
    'is gone (an unmounted disk) is waited for.',
  arguments: [],
  options: {
    debounce: duration(
      '--debounce <time>',
      'how long nothing must change before a snapshot, as 500ms (else 2s)',
    ),
    maxDelay: duration('--max-delay <time>', 'at the latest so long after a change (else 30s)'),
    systemd: flag('--systemd', 'do not watch, but print the unit of a systemd service that does'),
  },
  examples: [
    { command: 'tidemark watch', shows: 'until Ctrl-C' },
    {
      command: 'tidemark watch --systemd > ~/.config/systemd/user/tidemark-notes.service',
      shows: 'a service; then: systemctl --user enable --now tidemark-notes',
    },
  ],
  exits: ['missing', 'damage', 'busy', 'refused', 'interrupted', 'terminated'],
  async run(context, _args, options) {
    await keepHeapLean()
    const folder = await openOwnFolder(context)
    try {
      if (options.systemd) await printUnit(context, folder, options)
      else await watch(context, folder, options)
    } finally {
      folder.close()
    }
    return undefined
  },
})

interface Delays {
  readonly debounce: number | undefined
  readonly maxDelay: number | undefined
}

async function watch(context: Context, folder: Folder, { debounce, maxDelay }: Delays): Promise<void> {
  const reports = watchFolder(folder, {
    ...(debounce === undefined ? {} : { debounceMs: debounce }),
    ...(maxDelay === undefined ? {} : { maxDelayMs: maxDelay }),
    signal: context.signal,
    onEvent: (event) => void tellEvent(context, event).catch(() => {}),
  })
  await context.note(`watching ${displayName(folder.root)} (Ctrl-C ends it)`)
  for await (const report of reports) {
    await print(context, report)
    await context.out.flush()
  }
}

const alarming: ReadonlySet<WatchEvent['kind']> = new Set(['away', 'blind', 'failed', 'lost'])

function tellEvent(context: Context, { kind, message }: WatchEvent): Promise<void> {
  if (alarming.has(kind)) return context.warn(message)
  const idle = kind === 'scan' || kind === 'watching'
  return idle && !context.options.verbose ? Promise.resolve() : context.note(safeText(message))
}

async function print(context: Context, report: SnapshotReport): Promise<void> {
  await warnOfProblems(context, report.problems)
  if (context.json) {
    await context.printJson(reportJson(report))
    return
  }
  const { out } = context
  const { id, snapshot, parent, read } = report
  if (id !== undefined && snapshot !== undefined) {
    // The report counts what was looked at, which is seldom all.
    const { count, size } = snapshot.root
    const what = `${formatNumberOf(count, 'entry', 'entries')}, ${formatSize(size)} (${formatSize(read)} read)`
    await context.tell(`${formatTime(snapshot.time)}  snapshot ${out.style('yellow', shortId(id))}: ${what}`)
  } else if (parent !== undefined) {
    await context.tell(
      `${formatTime(context.now().getTime())}  all is as in snapshot ${out.style('yellow', shortId(parent))}`,
    )
  }
}

async function printUnit(context: Context, folder: Folder, { debounce, maxDelay }: Delays): Promise<void> {
  const delays = [
    ...(debounce === undefined ? [] : ['--debounce', `${debounce}ms`]),
    ...(maxDelay === undefined ? [] : ['--max-delay', `${maxDelay}ms`]),
  ]
  const unit = systemdUnit(folder.root, [...ownProgram(), '-C', folder.root, 'watch', ...delays])
  await context.print(unit.trimEnd())
}
