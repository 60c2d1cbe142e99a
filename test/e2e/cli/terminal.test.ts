import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { requireTool } from '../../require.ts'
import { Scene, makeHistory } from './tidemark.ts'

/** `script` of util-linux runs a command on a terminal of its own. */
function hasTerminal(t: TestContext): boolean {
  return requireTool(t, spawnSync('script', ['--version']).status === 0, 'needs script')
}

async function onTerminal(scene: Scene, line: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await scene.execute('script', ['-qec', line, '/dev/null'], {
    // Where CI is set Node takes every terminal for a log.
    env: { TERM: 'xterm', CI: undefined, ...env },
  })
  return stdout
}

test('only a terminal gets colours, and none that wants none', async (t) => {
  if (!hasTerminal(t)) return
  const scene = new Scene(t)
  await makeHistory(scene)
  const coloured = await onTerminal(scene, 'tidemark diff start; tidemark --help')
  assert.ok(coloured.includes('\u001b[33mM\u001b[39m  notes.txt'))
  assert.ok(coloured.includes('\u001b[1mUsage:'))
  const plain = await onTerminal(scene, 'tidemark diff start; tidemark --help', { NO_COLOR: '1' })
  assert.match(plain, /^M {2}notes\.txt\r$/m)
  assert.ok(!plain.includes('\u001b'))
  assert.ok(!(await scene.ok('diff', 'start')).includes('\u001b'))
})

test('what files hold cannot control the terminal through a diff', async (t) => {
  if (!hasTerminal(t)) return
  const scene = new Scene(t)
  await makeHistory(scene)
  writeFileSync(join(scene.directory, 'notes.txt'), 'a\tb\u001b]0;owned\u0007\n')
  await scene.ok('snapshot')
  const shown = await onTerminal(scene, 'tidemark diff latest~1 --text')
  assert.ok(shown.includes('+a\tb\\x1b]0;owned\\x07'))
  assert.ok(!shown.includes('\u001b]'))
  // A file or a pipe gets the bytes: it is a patch.
  assert.ok((await scene.ok('diff', 'latest~1', '--text')).includes('+a\tb\u001b]0;owned\u0007\n'))
})
