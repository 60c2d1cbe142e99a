import { displayName } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { pathHistory } from '../../history/path-history.ts'
import type { PathEvent } from '../../history/path-history.ts'
import { idToHex } from '../../object/id.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatSize, formatTime } from '../format.ts'
import { entryJson, isoTime } from '../json.ts'
import type { Style } from '../output.ts'
import { count, text } from '../options.ts'
import { openPlace } from '../open-place.ts'
import type { Place } from '../place.ts'
import { safeText } from '../safe-text.ts'
import { fromDisplayed } from '../snapshot-path.ts'
import { alignRow } from '../table.ts'

export const command: Command = defineCommand({
  about:
    'Lists what happened to one path, newest first: when it was created, modified, renamed, deleted. It is ' +
    'followed back through renames that left the content as it was.',
  arguments: [
    { name: '<path>', summary: 'a file or directory, also one that is no more', completes: 'path' },
  ],
  options: {
    maxCount: count('-n, --max-count <n>', 'no more than this many', 1),
    before: text('--before <snapshot>', 'begin at this snapshot instead of the newest', 'snapshot'),
  },
  examples: [
    { command: 'tidemark history notes.txt', shows: 'all versions of it' },
    { command: 'tidemark history docs/b.txt --json', shows: 'also under its former name, for a program' },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused'],
  async run(context, [path = ''], { maxCount = Infinity, before }) {
    using place = await openPlace(context)
    let shown = 0
    for (const text of [path, fromDisplayed(path)]) {
      if (text === undefined || shown > 0) continue
      for await (const event of eventsOf(place, place.pathIn(text), before)) {
        if (shown++ === 0) await printTitle(context)
        await print(context, event)
        if (shown >= maxCount) break
      }
    }
    if (shown > 0) return place.uncertain ? 'partial' : undefined
    const name = displayName(place.pathIn(path))
    throw new TidemarkError('missing', `no snapshot has ${name} (tidemark find looks for names anywhere)`)
  },
})

async function* eventsOf(place: Place, path: Name, before: string | undefined): AsyncGenerator<PathEvent> {
  const from = before === undefined ? undefined : await place.snapshot(before)
  const snapshots =
    from === undefined
      ? await place.snapshotsOfOne('history')
      : (await place.snapshots({ all: true })).filter(
          ({ snapshot }) => snapshot.folder === from.snapshot.folder,
        )
  yield* pathHistory(place.store, snapshots, path, { from, signal: place.signal })
}

const styles: Readonly<Record<PathEvent['change'], Style>> = {
  created: 'green',
  modified: 'yellow',
  metadata: 'dim',
  renamed: 'cyan',
  deleted: 'red',
}
const widths = [12, 19, 8, 10, 0]
const aligns = ['left', 'left', 'left', 'right', 'left'] as const

async function printTitle(context: Context): Promise<void> {
  if (context.json) return
  const title = ['SNAPSHOT', 'TIME', 'CHANGE', 'SIZE', 'PATH'].map((word) => context.out.style('bold', word))
  await context.print(alignRow(title, widths, aligns))
}

async function print(context: Context, event: PathEvent): Promise<void> {
  const { snapshot: logged, path, change, from, entry } = event
  const { id, snapshot } = logged
  if (context.json) {
    await context.printJson({
      snapshot: idToHex(id),
      time: isoTime(snapshot.time),
      message: snapshot.message,
      path,
      change,
      ...(from === undefined ? {} : { from }),
      entry: entry === undefined ? null : entryJson(path, entry),
    })
    return
  }
  const { out } = context
  const size = entry?.kind === 'file' || entry?.kind === 'directory' ? formatSize(entry.size) : '-'
  const names = from === undefined ? displayName(path || '.') : `${displayName(from)} -> ${displayName(path)}`
  const message = snapshot.message === '' ? '' : `  ${out.style('dim', safeText(snapshot.message))}`
  const row = [
    out.style('yellow', shortId(id)),
    formatTime(snapshot.time),
    out.style(styles[change], change),
    size,
    names + message,
  ]
  await context.print(alignRow(row, widths, aligns))
}
