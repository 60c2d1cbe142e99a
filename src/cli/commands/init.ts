import { initFolder } from '../../folder/folder.ts'
import { displayName } from '../../bytes/name.ts'
import { resolve } from 'node:path'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { choice } from '../options.ts'
import { safeText } from '../safe-text.ts'

export const command: Command = defineCommand({
  about:
    'Begins to keep the history of a folder. It makes a directory .tidemark in it for its bookkeeping, and a ' +
    'repository for the history: in .tidemark too, or at --repository, which several folders may share. ' +
    'Nothing else in the folder is touched.',
  arguments: [
    { name: '[dir]', summary: 'the folder; the working directory when left out', completes: 'directory' },
  ],
  options: {
    history: choice(
      '--history <kind>',
      'kept: every version of every file; none: only which files there were and when, not their contents',
      ['kept', 'none'],
      'kept',
    ),
  },
  examples: [
    { command: 'tidemark init', shows: 'the working directory, history inside it' },
    {
      command: 'tidemark init photos --repository ../photos-history',
      shows: 'another folder, history beside it',
    },
  ],
  exits: ['missing', 'busy', 'refused'],
  async run(context, [directory], { history }) {
    const { folder: chosen, repository } = context.options
    const start = resolve(context.workingDirectory, chosen ?? '')
    const folder = await initFolder(resolve(start, directory ?? ''), { repository, history })
    try {
      const { root, place, settings } = folder
      if (context.json) {
        const { folder: id, device } = settings
        await context.printJson({ folder: root, id, device, repository: place, history })
        return undefined
      }
      const what = history === 'kept' ? 'the history' : 'the timeline, without contents,'
      await context.tell(`Keeping ${what} of ${displayName(root)} in ${safeText(place)}`)
      await context.note(
        'Next: tidemark snapshot records it as it is; tidemark watch does so at each change.',
      )
    } finally {
      folder.close()
    }
    return undefined
  },
})
