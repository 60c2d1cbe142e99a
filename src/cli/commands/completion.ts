import { script } from '@bomb.sh/tab'
import { TidemarkError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'

const shells = ['bash', 'zsh', 'fish']

export const command: Command = defineCommand({
  about:
    'Prints a script that makes the TAB key complete commands, options, snapshots, tags and paths. ' +
    'Load it in the start-up file of the shell.',
  arguments: [{ name: '<shell>', summary: 'bash, zsh or fish', completes: shells }],
  options: {},
  examples: [
    {
      command: 'tidemark completion bash > ~/.tidemark.bash',
      shows: 'then add `source ~/.tidemark.bash` to ~/.bashrc',
    },
    {
      command: 'tidemark completion zsh > ~/.tidemark.zsh',
      shows: 'then add `source ~/.tidemark.zsh` to ~/.zshrc, after compinit',
    },
    {
      command: 'tidemark completion fish > ~/.config/fish/completions/tidemark.fish',
      shows: 'fish finds it there by itself',
    },
  ],
  exits: [],
  async run(_context, [shell = '']) {
    if (!shells.includes(shell)) throw new TidemarkError('usage', `${shell}: not one of ${shells.join(', ')}`)
    script(shell, 'tidemark', 'tidemark')
    return undefined
  },
})
