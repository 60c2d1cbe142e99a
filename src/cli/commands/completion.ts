import { TidemarkError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { completionScripts } from '../completion-scripts.ts'

const shells = [...completionScripts.keys()]

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
  async run(context, [shell = '']) {
    const script = completionScripts.get(shell)
    if (script === undefined) throw new TidemarkError('usage', `${shell}: not one of ${shells.join(', ')}`)
    await context.print(script.trimEnd())
    return undefined
  },
})
