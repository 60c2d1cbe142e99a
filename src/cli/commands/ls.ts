import { nameToBytes } from '../../bytes/name.ts'
import type { Name } from '../../bytes/name.ts'
import type { Entry } from '../../object/entry.ts'
import { listPaths } from '../../tree/list-paths.ts'
import { joinPath } from '../../tree/path.ts'
import type { LineForm } from '../../tree/path-lines.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
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
    for await (const lines of list(place, found, lineForm(context, options, found), options.recursive)) {
      await context.out.bytes(lines)
      context.signal.throwIfAborted()
    }
    return place.uncertain ? 'partial' : undefined
  },
})

async function* list(
  place: Place,
  { entry, path }: FoundPlace,
  form: LineForm,
  recursive: boolean,
): AsyncGenerator<Uint8Array> {
  const { store, signal } = place
  if (entry.kind !== 'directory') yield form.show(path, entry)
  else yield* listPaths(store, entry, form, { path: recursive ? path : '', recursive, signal })
}

interface Options {
  readonly long: boolean
  readonly recursive: boolean
  readonly null: boolean
}

/** How entries are shown: their whole paths, or the names of what is in one directory. */
function lineForm(context: Context, options: Options, found: FoundPlace): LineForm {
  const { out, json } = context
  const isInside = found.entry.kind === 'directory' && !options.recursive
  if (json) {
    const whole = (path: Name): Name => (isInside ? joinPath(found.path, path) : path)
    return textForm((path, entry) => toJson(entryJson(whole(path), entry)))
  }
  if (options.null) return { plain: true, directoryEnd: '\0', end: '\0', show: endedName }
  if (options.long) return textForm((path, entry) => showEntryLong(out, path, entry))
  // Colours stand in each line.
  const plain = out.style('blue', '.') === '.'
  return { ...textForm((path, entry) => showPath(out, path, entry)), plain }
}

function textForm(show: (path: Name, entry: Entry) => string): LineForm {
  return {
    plain: false,
    directoryEnd: '/\n',
    end: '\n',
    show: (path, entry) => Buffer.from(`${show(path, entry)}\n`),
  }
}

function endedName(path: Name): Uint8Array {
  return nameToBytes(`${path}\0`)
}
