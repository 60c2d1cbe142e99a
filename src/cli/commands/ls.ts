import { nameToBytes } from '../../bytes/name.ts'
import { listBatches } from '../../tree/directory.ts'
import { walkBatches } from '../../tree/walk.ts'
import { joinPath } from '../../tree/path.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { PlacedEntry } from '../../tree/walk.ts'
import type { Context } from '../context.ts'
import { entryJson } from '../json.ts'
import { flag } from '../options.ts'
import { findPlace } from '../find-place.ts'
import { openPlace } from '../open-place.ts'
import type { FoundPlace } from '../find-place.ts'
import type { Place } from '../place.ts'
import { toJson } from '../safe-text.ts'
import { showEntryLong, showPath } from '../show.ts'

export const command: Command = defineCommand({
  about:
    'Lists a directory as it was in a snapshot, or one file of it. Without a path: the top of the folder.',
  arguments: [
    {
      name: '<snapshot[:path]>',
      summary: 'an id, a tag, latest, latest~3 or a time; then a path',
      completes: 'snapshot-path',
    },
  ],
  options: {
    long: flag('-l, --long', 'mode, owner, size and time of each'),
    recursive: flag('-R, --recursive', 'all that is below, with its path from the top of the folder'),
    null: flag('-0, --null', 'end each name with a NUL instead of a line, and print it as it is'),
  },
  examples: [
    { command: 'tidemark ls latest', shows: 'what the newest snapshot has at the top' },
    { command: 'tidemark ls -l latest:docs', shows: 'the directory docs in it, in detail' },
    { command: 'tidemark ls -R "1 hour ago"', shows: 'everything that was there an hour ago' },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused'],
  async run(context, [text = ''], options) {
    using place = await openPlace(context)
    const found = await findPlace(place, text)
    const show = shower(context, options, found)
    for await (const batch of list(place, found, options.recursive)) {
      // One write a batch: a wait for each line would cost more than the line.
      if (options.null && !context.json)
        await context.out.bytes(Buffer.concat(batch.map((placed) => endedName(placed, show))))
      else if (batch.length > 0) await context.print(batch.map(show).join('\n'))
      context.signal.throwIfAborted()
    }
    return place.uncertain ? 'partial' : undefined
  },
})

async function* list(
  place: Place,
  found: FoundPlace,
  recursive: boolean,
): AsyncGenerator<readonly PlacedEntry[]> {
  const { entry, path } = found
  const { store, signal } = place
  if (entry.kind !== 'directory') yield [{ path, entry }]
  else if (recursive) yield* walkBelow(place, found)
  else {
    for await (const batch of listBatches(store, entry, { signal })) {
      yield batch.map((entry) => ({ path: joinPath(path, entry.name), entry }))
    }
  }
}

/** Without the directory itself, which `walkBatches` puts first. */
async function* walkBelow(
  place: Place,
  { logged, path }: FoundPlace,
): AsyncGenerator<readonly PlacedEntry[]> {
  const { store, signal } = place
  for await (const batch of walkBatches(store, logged.snapshot.root, { under: path, signal })) {
    yield batch.filter((placed) => placed.path !== path)
  }
}

interface Options {
  readonly long: boolean
  readonly recursive: boolean
  readonly null: boolean
}

/** How one entry is shown. */
function shower(context: Context, options: Options, found: FoundPlace): (placed: PlacedEntry) => string {
  const wholePath = options.recursive || found.entry.kind !== 'directory'
  const { out } = context
  return ({ path, entry }) => {
    const shown = wholePath ? path : entry.name
    if (context.json) return toJson(entryJson(path, entry))
    if (options.null) return shown
    return options.long ? showEntryLong(out, shown, entry) : showPath(out, shown, entry)
  }
}

function endedName(placed: PlacedEntry, show: (placed: PlacedEntry) => string): Uint8Array {
  return Buffer.concat([nameToBytes(show(placed)), Buffer.alloc(1)])
}
