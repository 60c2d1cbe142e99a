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
  async run(context, [shell = '']) {
    if (!shells.includes(shell)) throw new TidemarkError('usage', `${shell}: not one of ${shells.join(', ')}`)
    if (shell === 'bash') await context.out.line(bashScript)
    // Prints by itself.
    else script(shell, 'tidemark', 'tidemark')
    return undefined
  },
})

/**
 * Without `eval` and `compgen -W`, which would run what they are given (see docs/decisions/0300). Bash splits
 * the line also at `:` and `=`; the words are put together again, and what bash has kept is taken off the answers.
 */
const bashScript = `# bash completion for tidemark
_tidemark() {
    local line=\${COMP_LINE:0:COMP_POINT} words=() word value kept i
    line=\${line#*"\${COMP_WORDS[0]}"}
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=\${COMP_WORDS[i]}
        ((i == COMP_CWORD)) && word=\${line#"\${line%%[![:space:]]*}"}
        if [[ $line == [[:space:]]* || \${#words[@]} -eq 0 ]]; then
            words+=("$word")
        else
            words[\${#words[@]} - 1]+=$word
        fi
        line=\${line#*"$word"}
    done
    word=\${words[\${#words[@]} - 1]}
    kept=
    [[ $word == *:* && $COMP_WORDBREAKS == *:* ]] && kept=\${word%"\${word##*:}"}
    COMPREPLY=()
    while IFS=$'\\t' read -r value _; do
        case $value in
            :[0-9]*) ((\${value#:} & 2)) && compopt -o nospace ;;
            *) COMPREPLY+=("\${value#"$kept"}") ;;
        esac
    done < <(tidemark complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _tidemark tidemark`
