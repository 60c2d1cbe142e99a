import { displayName, nameToBytes } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { findEntries } from '../../history/find.ts'
import type { FindOptions, Found, Run } from '../../history/find.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { parseTime } from '../../history/snapshot-time.ts'
import { idToHex } from '../../object/id.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { nameFolders } from '../folders-in-sight.ts'
import { formatNumberOf, formatSize, formatTimeNs } from '../format.ts'
import { entryJson } from '../json.ts'
import { flag, size, text, words } from '../options.ts'
import { openPlace } from '../open-place.ts'
import { alignRow } from '../table.ts'

const kinds = ['file', 'directory', 'symlink', 'fifo', 'socket', 'character-device', 'block-device'] as const

export const command: Command = defineCommand({
  about:
    'Looks for names in all snapshots at once, and says of each version in which of them it is. In a pattern * ' +
    'stands for any characters, ? for one, [a-z] for one of these, {a,b} for one of those, ** for any number ' +
    'of directories. With a slash in it, it is matched against paths from the top of the folder, else against ' +
    'names anywhere.',
  arguments: [
    { name: '<pattern>', summary: "as '*.txt', 'docs/**/a*'; quoted, so that the shell leaves it alone" },
  ],
  options: {
    ignoreCase: flag('-i, --ignore-case', 'capital letters or not'),
    kind: words('-k, --kind <kind>', 'only these kinds', kinds),
    larger: size('--larger <size>', 'only of at least this size, as 10M'),
    smaller: size('--smaller <size>', 'only of at most this size'),
    newer: text('--newer <time>', 'only modified since then, as 2026-11-20 or "2 days ago"'),
    older: text('--older <time>', 'only modified before then'),
    nameOnly: flag('--name-only', 'print only the paths'),
    null: flag('-0, --null', 'the same, each ended with a NUL and printed as it is'),
  },
  examples: [
    { command: "tidemark find '*.txt'", shows: 'every text file there ever was, and where' },
    {
      command: "tidemark find 'docs/**' --newer yesterday --name-only",
      shows: 'the paths of those that are new',
    },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context, [pattern = ''], options) {
    const { ignoreCase, kind, larger, smaller, newer, older } = options
    using place = await openPlace(context)
    const limits: FindOptions = {
      ignoreCase,
      kinds: kind.length === 0 ? undefined : kind,
      larger,
      smaller,
      newer: await time(newer, context.now()),
      older: await time(older, context.now()),
      signal: place.signal,
    }
    let any = false
    const snapshots = await place.snapshots()
    const names = nameFolders(snapshots)
    for await (const found of findEntries(place.store, snapshots, pattern, limits)) {
      any = true
      await print(context, found, names.size > 1 ? names.get(found.folder) : undefined, options)
    }
    if (any) return undefined
    throw new TidemarkError('missing', `no snapshot has anything that matches ${displayName(pattern)}`)
  },
})

async function time(text: string | undefined, now: Date): Promise<bigint | undefined> {
  if (text === undefined) return undefined
  const time = await parseTime(text, now)
  if (time === undefined)
    throw new TidemarkError('usage', `${text}: not a time like 2026-11-20 or "2 days ago"`)
  return BigInt(time) * 1_000_000n
}

async function print(
  context: Context,
  { path, folder, versions }: Found,
  folderName: string | undefined,
  options: { readonly nameOnly: boolean; readonly null: boolean },
): Promise<void> {
  const { out } = context
  if (context.json) {
    await context.printJson({
      path,
      folder,
      versions: versions.map(({ entry, runs }) => ({ ...entryJson(path, entry), runs: runs.map(runJson) })),
    })
  } else if (options.null) await out.bytes(Buffer.concat([nameToBytes(path), Buffer.alloc(1)]))
  else if (options.nameOnly) await context.print(displayName(path))
  else {
    const where = folderName === undefined ? '' : `  ${out.style('dim', `in ${displayName(folderName)}`)}`
    await context.print(out.style('bold', displayName(path)) + where)
    for (const { entry, runs } of versions) {
      const size = entry.kind === 'file' ? formatSize(entry.size) : entry.kind
      const row = ['', size, formatTimeNs(entry.mtimeNs), runs.map(showRun).join(', ')]
      await context.print(alignRow(row, [0, 10, 19, 0], ['left', 'right', 'left', 'left']))
    }
  }
}

function showRun({ first, last, snapshots }: Run): string {
  if (snapshots === 1) return shortId(first.id)
  return `${shortId(first.id)} to ${shortId(last.id)} (${formatNumberOf(snapshots, 'snapshot')})`
}

function runJson({ first, last, snapshots }: Run): object {
  return { first: idToHex(first.id), last: idToHex(last.id), snapshots }
}
