import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireTool } from '../../require.ts'
import { Scene, type Result } from './tidemark.ts'

function shell(scene: Scene, line: string): Promise<Result> {
  return scene.execute('sh', ['-c', `exec ${line}`])
}

test('a full disk below standard output is told, with its code', async (t) => {
  if (!requireTool(t, existsSync('/dev/full'), 'needs /dev/full')) return
  const scene = new Scene(t)
  scene.write('a', 'a file')
  await scene.ok('init')
  await scene.ok('snapshot')
  for (const line of ['log', 'ls -R latest --json', '--help', 'log --help', '--version']) {
    const { code, stderr } = await shell(scene, `tidemark ${line} > /dev/full`)
    assert.equal(code, 7, `${line}: ${stderr}`)
    assert.match(stderr, /^.*standard output: .*no space left on device.*\n$/, line)
  }
  const { stderr } = await shell(scene, 'tidemark log --json > /dev/full')
  assert.equal((JSON.parse(stderr) as { error: { code: string } }).error.code, 'full')
})

test('remarks that nobody can read end nothing', async (t) => {
  if (!requireTool(t, existsSync('/dev/full'), 'needs /dev/full')) return
  const scene = new Scene(t)
  await scene.ok('init')
  scene.write('a', 'recorded')
  await scene.ok('snapshot')
  assert.equal((await shell(scene, 'tidemark ls nope 2> /dev/full')).code, 4)
  const path = join(scene.directory, 'a')
  scene.write('a', 'not recorded')
  assert.equal((await shell(scene, 'tidemark restore latest --in-place 2> /dev/full')).code, 0)
  assert.equal(readFileSync(path, 'utf8'), 'recorded')

  scene.write('a', 'not recorded')
  const child = scene.start(['restore', 'latest', '--in-place'])
  child.stderr.destroy()
  child.stdout.resume()
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.equal(readFileSync(path, 'utf8'), 'recorded')
})
