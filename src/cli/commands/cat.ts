import { displayName } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import type { FileEntry } from '../../object/entry.ts'
import { readContent } from '../../tree/read-content.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { findPlace } from '../find-place.ts'
import { openPlace } from '../open-place.ts'
import type { FoundPlace } from '../find-place.ts'

export const command: Command = defineCommand({
  about: 'Writes the content of files, as they were in a snapshot, to standard output.',
  arguments: [
    {
      name: '<snapshot:path...>',
      summary: 'a snapshot and a file in it, as latest:notes.txt',
      completes: 'snapshot-path',
    },
  ],
  options: {},
  examples: [
    { command: 'tidemark cat latest:notes.txt', shows: 'the file as it is in the newest snapshot' },
    {
      command: 'tidemark cat latest~1:notes.txt > old-notes.txt',
      shows: 'the one before, into a file beside',
    },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused'],
  async run(context, args) {
    using place = await openPlace(context)
    // All are found before anything is written.
    const files: FileEntry[] = []
    for (const text of args) files.push(fileAt(await findPlace(place, text), text))
    const contents = await place.contents()
    const { signal } = place
    for (const file of files) {
      for await (const bytes of readContent(contents, file, { signal })) await context.out.bytes(bytes)
    }
    return place.uncertain ? 'partial' : undefined
  },
})

function fileAt({ entry, path }: FoundPlace, text: string): FileEntry {
  const name = displayName(path)
  if (entry.kind === 'directory') {
    const hint =
      path === '' ? `${text.replace(/:$/, '')}:PATH names a file in it` : `tidemark ls ${text} lists it`
    throw new TidemarkError('usage', `${path === '' ? text : name} is a directory (${hint})`)
  }
  if (entry.kind === 'symlink') {
    throw new TidemarkError('usage', `${name} is a symbolic link to ${displayName(entry.target)}`)
  }
  if (entry.kind !== 'file') throw new TidemarkError('usage', `${name} is a ${entry.kind.replace('-', ' ')}`)
  if (entry.unreadable) {
    throw new TidemarkError(
      'missing',
      `${name} could not be read when the snapshot was taken: its content is not kept`,
    )
  }
  return entry
}
