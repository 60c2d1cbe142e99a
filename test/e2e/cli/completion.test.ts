import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { requireTool } from '../../require.ts'
import { Scene, makeHistory } from './tidemark.ts'

function has(t: TestContext, shell: string): boolean {
  const found = spawnSync(shell, ['-c', 'exit 0']).status === 0
  return requireTool(t, found, `needs ${shell}`)
}

/** What is typed, and some of what must be offered; nothing that does not begin with the last word may be. */
const cases: [string, string[]][] = [
  ['tidemark l', ['log', 'ls']],
  ['tidemark log --max', ['--max-count']],
  ['tidemark completion ', ['bash', 'fish', 'zsh']],
  ['tidemark ls st', ['start']],
  ['tidemark -C docs log --folder=do', ['docs/']],
  ['tidemark ls latest:', ['docs/', 'notes.txt']],
  ['tidemark diff start latest:docs/', ['docs/b.txt']],
]

/** A folder in which a snapshot, a tag and a path try to run a command when they are completed. */
async function trap(scene: Scene): Promise<() => void> {
  await makeHistory(scene)
  scene.write('$(touch trapped)', '')
  scene.write('docs/`touch trapped`', '')
  await scene.ok(
    'snapshot',
    '-m',
    '$(touch trapped)',
    '--tag',
    '$(touch trapped)',
    '--tag',
    '`touch trapped`',
  )
  return () => assert.ok(!existsSync(join(scene.directory, 'trapped')), 'a completion was run')
}

/** As readline does: at blanks, with `:` and `=` words of their own. */
function split(line: string): string[] {
  return line.match(/[:=]+|[^\s:=]+|(?<=\s)$|(?<=[:=])$/g) ?? []
}

test('bash completes', async (t) => {
  if (!has(t, 'bash')) return
  const scene = new Scene(t)
  const checkTrap = await trap(scene)
  writeFileSync(join(scene.home, 'script'), await scene.ok('completion', 'bash'))
  for (const [line, expected] of [...cases, ['tidemark ls ', ['latest', 'start']]] as typeof cases) {
    const script =
      'source "$HOME/script"; compopt() { :; }; COMP_LINE=$1; COMP_POINT=${#1}; shift; COMP_WORDS=("$@");' +
      'COMP_CWORD=$(($# - 1)); _tidemark; printf "%s\\n" "${COMPREPLY[@]}"'
    const { stdout, stderr } = await scene.execute('bash', [
      '--norc',
      '-c',
      script,
      'bash',
      line,
      ...split(line),
    ])
    assert.equal(stderr, '', line)
    for (const word of expected) assert.ok(stdout.split('\n').includes(word), `${line}: ${stdout}`)
  }
  checkTrap()
})

test('fish completes', async (t) => {
  if (!has(t, 'fish')) return
  const scene = new Scene(t)
  const checkTrap = await trap(scene)
  writeFileSync(join(scene.home, 'script'), await scene.ok('completion', 'fish'))
  for (const [line, expected] of [...cases, ['tidemark ls ', ['latest', 'start']]] as typeof cases) {
    const script = 'source "$HOME/script"; complete -C "$argv[1]"'
    const { stdout, stderr } = await scene.execute('fish', ['--no-config', '-c', script, line])
    assert.equal(stderr, '', line)
    const kept = /[^\s:=]*[:=]?$/.exec(line)![0]
    for (const word of expected) {
      const offered = stdout.split('\n').map((line) => line.split('\t')[0]!)
      assert.ok(
        offered.some((text) => text.endsWith(word)),
        `${line} (${kept}): ${stdout}`,
      )
    }
  }
  checkTrap()
})

test('zsh completes', async (t) => {
  if (!has(t, 'zsh')) return
  const scene = new Scene(t)
  const checkTrap = await trap(scene)
  writeFileSync(join(scene.home, 'script'), await scene.ok('completion', 'zsh'))
  // zsh completes only on a terminal: zpty makes one. The script says READY, then the line and a TAB are typed.
  const script = `zmodload zsh/zpty || exit 9
zpty shell zsh -f -i
zpty -w shell 'autoload -U compinit; compinit -u -D; source "$HOME/script"; LISTMAX=9999; PS1=""; stty -echo; print REA""DY'
local seen= piece
until [[ $seen == *READY* ]]; do zpty -r shell piece || exit 8; seen+=$piece; done
zpty -w -n shell "$1"$'\\t'$'\\t'$'\\C-x'
seen=
repeat 200; do
  if zpty -r -t shell piece; then seen+=$piece; else sleep 0.05; fi
  [[ $seen == *"$2"* ]] && break
done
print -r -- "$seen"
zpty -d shell`
  for (const [line, [expected]] of [...cases, ['tidemark ls ', ['latest']]] as typeof cases) {
    const wanted = expected!.startsWith('--') ? `${expected} ` : expected!
    const { code, stdout } = await scene.execute('zsh', ['-f', '-c', script, 'zsh', line, wanted])
    assert.equal(code, 0)
    // Colours and cursor movements aside.
    // oxlint-disable-next-line no-control-regex
    const seen = stdout.replace(/\u001b\[[0-9;?]*[a-zA-Z]/g, '')
    assert.ok(seen.includes(expected!), `${line}: ${JSON.stringify(seen)}`)
  }
  checkTrap()
})

test('a line that makes no sense is answered with nothing', async (t) => {
  const scene = new Scene(t)
  for (const words of [
    ['nope', ''],
    ['log', '--nope', ''],
    ['-C', '/nowhere', 'ls', ''],
    ['ls', 'zzz:x'],
    [],
  ]) {
    const { code, stdout, stderr } = await scene.run(['complete', '--', ...words])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^((?!Error)[^])*$/)
  }
})
