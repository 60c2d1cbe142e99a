import { TidemarkError } from '../../errors.ts'
import { toChange } from '../../tree/change.ts'
import type { Change } from '../../tree/change.ts'
import { diffBatches } from '../../history/diff.ts'
import { lookUp } from '../../tree/directory.ts'
import type { Entry } from '../../object/entry.ts'
import { ChangePrinter } from '../changes.ts'
import { PatchPrinter } from '../patches.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { flag, off } from '../options.ts'
import { openPlace } from '../open-place.ts'
import type { Place } from '../place.ts'
import { fromDisplayed, splitSnapshotPath } from '../snapshot-path.ts'
import { displayName } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import type { LoggedSnapshot } from '../../history/log.ts'

export const command: Command = defineCommand({
  about:
    'Shows what changed from one snapshot to another, or to the newest. With a path only what is there: ' +
    'one path counts for both. A is added, D deleted, M modified, R renamed or moved. Directories of which only ' +
    'the time changed are left out, unless --verbose.',
  arguments: [
    { name: '<from[:path]>', summary: 'a snapshot, the older one', completes: 'snapshot-path' },
    { name: '[to[:path]]', summary: 'a snapshot, latest when left out', completes: 'snapshot-path' },
  ],
  options: {
    text: flag('--text', 'show what changed inside of texts, as a patch'),
    nameOnly: flag('--name-only', 'print only the paths'),
    null: flag('-0, --null', 'with --name-only: end each with a NUL, and print it as it is'),
    renames: off('--no-renames', 'show what moved as deleted and added'),
    exitCode: flag('--exit-code', 'end with 8 when there is any difference'),
  },
  examples: [
    { command: 'tidemark diff latest~1', shows: 'what the newest snapshot changed' },
    { command: 'tidemark diff latest~1:docs', shows: 'only in the directory docs' },
    { command: 'tidemark diff latest~1 --text', shows: 'with the lines that changed' },
    { command: 'tidemark diff --name-only latest~1 latest', shows: 'only the paths' },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused', 'negative'],
  async run(context, [from = '', to = 'latest'], options) {
    using place = await openPlace(context)
    const [before, after] = await findBoth(place, from, to)
    const printer = options.text
      ? new PatchPrinter(context, await place.contents())
      : new ChangePrinter(context, options)
    for await (const batch of changes(place, before, after, options.renames)) {
      for (const change of batch) await printer.print(change)
      context.signal.throwIfAborted()
    }
    await printer.end()
    if (place.uncertain) return 'partial'
    return options.exitCode && printer.any ? 'negative' : undefined
  },
})

interface Side {
  readonly path: Name
  readonly entry: Entry | undefined
}

/** A path that only one of them names counts for both. */
async function findBoth(place: Place, from: string, to: string): Promise<[Side, Side]> {
  const [a, b] = [splitSnapshotPath(from), splitSnapshotPath(to)]
  const before = await findSide(place, await place.snapshot(a.snapshot), a.path ?? b.path)
  const after = await findSide(place, await place.snapshot(b.snapshot), b.path ?? a.path)
  if (before.entry ?? after.entry) return [before, after]
  throw new TidemarkError('missing', `neither snapshot has ${displayName(before.path)}`)
}

async function findSide(place: Place, logged: LoggedSnapshot, path: string | undefined): Promise<Side> {
  const given = path ?? '/'
  const spelled = fromDisplayed(given)
  const [name, other] = [given, spelled ?? given].map((text) => place.pathIn(text, logged)) as [Name, Name]
  const entry = await lookUp(place.store, logged.snapshot.root, name, place)
  if (entry !== undefined || spelled === undefined) return { path: name, entry }
  return { path: other, entry: await lookUp(place.store, logged.snapshot.root, other, place) }
}

async function* changes(
  place: Place,
  before: Side,
  after: Side,
  detectMoves: boolean,
): AsyncGenerator<readonly Change[]> {
  const { path } = after
  if (path !== '') {
    const self = toChange({ path, before: before.entry, after: after.entry })
    if (self) yield [self]
  }
  yield* diffBatches(place.store, before.entry, after.entry, { path, detectMoves, signal: place.signal })
}
