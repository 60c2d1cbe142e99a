/**
 * What the shells load. Each hands the words up to the cursor to `tidemark complete --`, which answers with
 * lines of `value TAB description`, then `:` and a directive, of which bit 2 means: no space behind it.
 * None of what comes back is evaluated (see docs/decisions/0300).
 */
export const completionScripts: ReadonlyMap<string, string> = new Map([
  [
    'bash',
    // Bash splits the line at `:` and `=` too: the words are put together again, and what bash has kept of
    // the last one is taken off the answers. Values of `--option=` come without it.
    `# bash completion for tidemark
_tidemark() {
    local line=\${COMP_LINE:0:COMP_POINT} words=() word value kept= i
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
    [[ $word == *:* && $COMP_WORDBREAKS == *:* ]] && kept=\${word%"\${word##*:}"}
    COMPREPLY=()
    while IFS=$'\\t' read -r value _; do
        case $value in
            :[0-9]*) ((\${value#:} & 2)) && compopt -o nospace ;;
            *) COMPREPLY+=("\${value#"$kept"}") ;;
        esac
    done < <(tidemark complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _tidemark tidemark
`,
  ],
  [
    'zsh',
    `#compdef tidemark
_tidemark() {
    local line value
    local -a values shown space
    for line in "\${(@f)$(tidemark complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        value=\${line%%$'\\t'*}
        case $value in
            :<->) ((\${value#:} & 2)) && space=(-S '') ;;
            ?*) values+=("$value") shown+=("$value\${\${line#*$'\\t'}:+  -- \${line#*$'\\t'}}") ;;
        esac
    done
    compset -P '--*='
    compadd -l -d shown "\${space[@]}" -a values
}
if [[ $funcstack[1] == _tidemark ]]; then _tidemark; else compdef _tidemark tidemark; fi
`,
  ],
  [
    'fish',
    `# fish completion for tidemark
function __tidemark_complete
    set -l word (commandline -ct)
    set -l words (commandline -opc) "$word"
    set -l option (string match -r -- '^--[\\w-]+=' "$word")
    for line in (tidemark complete -- $words[2..-1] 2>/dev/null)
        string match -qr '^:\\d+$' -- $line; or printf '%s%s\\n' "$option" $line
    end
end
complete -c tidemark -f -a '(__tidemark_complete)'
`,
  ],
])
