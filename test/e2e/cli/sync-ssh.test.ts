import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { requireTool } from '../../require.ts'
import { hasSshd, startSshd } from '../../suites/sshd.ts'
import { Scene } from './tidemark.ts'

interface Far {
  readonly scene: Scene
  /** The URL of a directory of the scene, as if on another machine. */
  readonly url: (directory: string) => string
  /** What makes the program there be found. */
  readonly command: readonly string[]
}

/** A scene whose `ssh` reaches an sshd of its own. */
async function farScene(t: TestContext): Promise<Far | undefined> {
  if (!requireTool(t, hasSshd, 'sshd is not installed')) return undefined
  if (!requireTool(t, getuid?.() === 0, 'sshd of one’s own needs root')) return undefined
  const scene = new Scene(t)
  const { ssh, host, port, user } = await startSshd(t)
  const programs = join(scene.directory, '../bin')
  const real = ssh.map((word) => `'${word}'`).join(' ')
  writeFileSync(join(programs, 'ssh'), `#!/bin/sh\nPATH=/usr/bin:/bin exec ${real} "$@"\n`)
  chmodSync(join(programs, 'ssh'), 0o755)
  const url = (directory: string): string =>
    `ssh://${user}@${host}:${port}${join(scene.directory, directory)}`
  return { scene, url, command: ['--remote-command', join(programs, 'tidemark')] }
}

function files(scene: Scene, directory: string): Record<string, string> {
  const top = join(scene.directory, directory)
  const names = readdirSync(top).filter((name) => name !== '.tidemark')
  return Object.fromEntries(names.toSorted().map((name) => [name, readFileSync(join(top, name), 'utf8')]))
}

test('a folder is in step with one that is reached by ssh', async (t) => {
  const far = await farScene(t)
  if (far === undefined) return
  const { scene, url, command } = far
  scene.write('a/one', 'one')
  // Nothing is made by a look.
  const plan = await scene.ok('sync', 'a', url('b'), '--dry-run', ...command)
  assert.match(plan, /ssh:.*\/b:\nA {2}one\n/)
  assert.deepEqual(readdirSync(scene.directory), ['a'])
  const said = await scene.ok('sync', 'a', url('b'), ...command)
  assert.match(said, /\/a: nothing new\nssh:.*\/b: .* sent over the wire, .* received\n/)
  assert.deepEqual(files(scene, 'b'), { one: 'one' })
  scene.write('b/two', 'two')
  scene.write('a/one', 'changed')
  // What is run there is remembered.
  await scene.ok('-C', 'a', 'sync')
  assert.deepEqual(files(scene, 'a'), { one: 'changed', two: 'two' })
  assert.deepEqual(files(scene, 'b'), files(scene, 'a'))
  assert.match(await scene.ok('-C', 'a', 'peer'), /^127\.0\.0\.1 {2}two-way\s+ssh:.*\/b$/m)
  // A directory that is no folder yet takes the name of the one that is.
  await scene.ok('sync', url('b'), 'c', ...command, '--history', 'none')
  assert.deepEqual(files(scene, 'c'), files(scene, 'a'))
  await scene.ok('sync', 'a', 'c')
})

test('what goes wrong at the far end is said here', async (t) => {
  const far = await farScene(t)
  if (far === undefined) return
  const { scene, url, command } = far
  for (let n = 0; n < 60; n++) scene.write(`a/${n}`, `${n}`)
  for (const [code, hint, ...args] of [
    [7, 'no-such-program.*--remote-command', 'a', url('b'), '--remote-command', 'no-such-program'],
    [4, 'there is no', 'a', url('no/b'), ...command],
    [4, 'neither .* is there', 'nowhere', url('neither'), ...command],
  ] as const) {
    const { code: exit, stderr } = await scene.run(['sync', ...args])
    assert.equal(exit, code, stderr)
    assert.match(stderr, new RegExp(hint))
  }
  await scene.ok('sync', 'a', url('b'), ...command)
  for (let n = 0; n < 60; n++) rmSync(join(scene.directory, `a/${n}`))
  const emptied = await scene.run(['-C', 'a', 'sync', ...command])
  assert.equal(emptied.code, 7, emptied.stderr)
  assert.match(emptied.stderr, /60 of 60 entries would be deleted/)
  assert.equal(Object.keys(files(scene, 'b')).length, 60)
  await scene.ok('-C', 'a', 'sync', '--allow-deletes', ...command)
  assert.equal(Object.keys(files(scene, 'b')).length, 0)
  // One that has lost its bookkeeping is not made anew.
  rmSync(join(scene.directory, 'b'), { recursive: true })
  mkdirSync(join(scene.directory, 'b'))
  const lost = await scene.run(['-C', 'a', 'sync', ...command])
  assert.equal(lost.code, 4, lost.stderr)
  assert.match(lost.stderr, /\/b is no folder/)
  assert.deepEqual(readdirSync(join(scene.directory, 'b')), [])
})

test('watching over ssh: there and back, and again after a cut', async (t) => {
  const far = await farScene(t)
  if (far === undefined) return
  const { scene, url, command } = far
  scene.write('a/one', 'one')
  const child = scene.start(['sync', 'a', url('b'), '--watch', ...command])
  t.after(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (piece) => (stderr += String(piece)))
  const until = async (path: string, text: string): Promise<void> => {
    const file = join(scene.directory, path)
    for (let n = 0; !existsSync(file) || readFileSync(file, 'utf8') !== text; n++) {
      assert.ok(n < 2400 && child.exitCode === null, `${path}: ${stderr}`)
      await sleep(50)
    }
  }
  await until('b/one', 'one')
  scene.write('b/one', 'back')
  await until('a/one', 'back')
  scene.write('a/one', 'there')
  await until('b/one', 'there')
  const cut = await scene.execute('bash', ['-c', `pkill -KILL -P ${child.pid} ssh`])
  assert.equal(cut.code, 0)
  scene.write('b/two', 'after a cut')
  await until('a/two', 'after a cut')
  assert.match(stderr, /again in/)
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  assert.equal(await closed, 143)
})
