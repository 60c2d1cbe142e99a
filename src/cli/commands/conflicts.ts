import { TidemarkError } from '../../errors.ts'
import { openFolder } from '../../folder/folder.ts'
import { currentTree } from '../../history/status.ts'
import { findConflictCopies } from '../../sync/conflict-copies.ts'
import type { ConflictCopy } from '../../sync/conflict-copies.ts'
import { keeps } from '../../sync/resolve-conflict.ts'
import type { Keep } from '../../sync/resolve-conflict.ts'
import { defineCommand } from '../command.ts'
import type { Command, OptionSpec } from '../command.ts'
import { chooseConflicts, resolveHere } from '../conflicts/choose.ts'
import { diffConflicts } from '../conflicts/diff.ts'
import { printConflicts } from '../conflicts/list.ts'
import { settleConflicts } from '../conflicts/settle.ts'
import { flag } from '../options.ts'
import { openContextFolder } from '../open-place.ts'

const actions = ['list', 'resolve', 'diff'] as const

export const command: Command = defineCommand({
  about:
    'Lists the conflict copies of a folder: where two sides have changed the same file, the newer version has kept ' +
    'its name, and the other stands beside it as "name (conflict TIME HOST).ext". "conflicts resolve PATH --keep …" ' +
    'decides: original leaves what has the name, copy gives the name to the copy, both makes an ordinary file of the ' +
    'copy. A snapshot is taken first where history is kept, so that nothing is lost. "conflicts diff PATH" shows how ' +
    'they differ. PATH is that of the copy, or the original where it has only one.',
  arguments: [
    {
      name: '[action]',
      summary: 'list, resolve, diff; or a folder, whose conflicts are listed',
      completes: actions,
    },
    { name: '[paths...]', summary: 'resolve, diff: of which conflicts', completes: 'path' },
  ],
  options: {
    keep: keepOption('--keep <which>', 'resolve: what is to have the name'),
    dryRun: flag('-n, --dry-run', 'resolve: only say what would be done'),
  },
  examples: [
    { command: 'tidemark conflicts', shows: 'what there is to decide' },
    {
      command:
        'cp notes.txt "notes (conflict 2026-11-21 20-15-03 laptop).txt" && tidemark conflicts diff notes.txt',
      shows: 'how the versions differ',
    },
    {
      command:
        'cp notes.txt "notes (conflict 2026-11-21 20-15-03 laptop).txt" && tidemark conflicts resolve notes.txt --keep copy',
      shows: 'take the version of the copy',
    },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused'],
  async run(context, [action = 'list', ...paths], options) {
    const isFolder = !actions.some((word) => word === action)
    if (isFolder && paths.length > 0)
      throw new TidemarkError('usage', `${action}: not one of ${actions.join(', ')}`)
    const folder = isFolder
      ? await openFolder(resolveHere(context, action))
      : await openContextFolder(context)
    try {
      const tree = await currentTree(folder, { signal: context.signal })
      const copies: ConflictCopy[] = []
      for await (const copy of findConflictCopies(tree.store, tree.root, context)) copies.push(copy)
      if (isFolder || action === 'list') {
        if (!isFolder && paths.length > 0) throw new TidemarkError('usage', 'conflicts list takes no path')
        await printConflicts(context, copies)
        return undefined
      }
      const chosen = chooseConflicts(context, folder, copies, paths, action)
      if (action === 'diff') return await diffConflicts(context, folder, tree, chosen)
      if (options.keep === undefined)
        throw new TidemarkError('usage', `conflicts resolve needs --keep: ${keeps.join(', ')}`)
      return await settleConflicts(context, folder, chosen, options.keep, options.dryRun)
    } finally {
      folder.close()
    }
  },
})

function keepOption(flags: string, summary: string): OptionSpec<Keep | undefined> {
  return { flags, summary: `${summary} (${keeps.join(', ')})`, parse: parseKeep, completes: keeps }
}

function parseKeep(text: string): Keep {
  const keep = keeps.find((word) => word === text)
  if (keep !== undefined) return keep
  throw new TidemarkError('usage', `${text}: not one of ${keeps.join(', ')}`)
}
