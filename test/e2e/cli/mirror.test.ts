import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Scene } from './tidemark.ts'

test('a tree is published, mirrored, looked after and verified from the command line', async (t) => {
  const scene = new Scene(t)
  const origin = join(scene.home, 'origin')
  mkdirSync(join(origin, 'dir'), { recursive: true })
  writeFileSync(join(origin, 'dir/a'), 'content of a')
  writeFileSync(join(origin, 'b'), 'content of b')
  const run = (...args: string[]): ReturnType<Scene['run']> => scene.run(args)
  assert.equal((await run('publish', origin, '--once')).code, 0)
  const mirror = join(scene.home, 'mirror')
  const [status, metrics] = [join(scene.home, 'status.json'), join(scene.home, 'metrics.prom')]
  const first = await run('mirror', origin, mirror, '--json', '--status', status, '--metrics', metrics)
  assert.equal(first.code, 0, first.stderr)
  const report = JSON.parse(first.stdout)
  assert.deepEqual([report.files, report.unchanged, report.waiting], [2, false, 0])
  assert.equal(readFileSync(join(mirror, 'dir/a'), 'utf8'), 'content of a')
  assert.equal(JSON.parse(readFileSync(status, 'utf8')).state, 'complete')
  assert.match(readFileSync(metrics, 'utf8'), /^tidemark_mirror_items\{[^}]*\} 2$/m)

  const again = await run('mirror', origin, mirror)
  assert.equal(again.stdout.trim(), 'nothing new')
  const told = await run('mirror', 'status', mirror)
  assert.match(told.stdout, /^state +complete/m)
  assert.equal(JSON.parse((await run('mirror', 'status', mirror, '--json')).stdout).items, 2)

  writeFileSync(join(mirror, 'b'), 'broken')
  const verified = await run('mirror', origin, mirror, '--verify')
  assert.equal(verified.code, 0, verified.stderr)
  assert.match(verified.stdout, /not as it should be: b\n.*1 of 1 repaired.*proven/s)
  assert.equal(readFileSync(join(mirror, 'b'), 'utf8'), 'content of b')

  writeFileSync(join(origin, 'c'), 'c')
  assert.equal((await run('publish', origin, '--once')).code, 0)
  rmSync(join(origin, 'c'))
  const partial = await run('mirror', origin, mirror)
  assert.equal(partial.code, 3)
  assert.match(partial.stderr, /c: .*set aside/)
  assert.match((await run('mirror', 'status', mirror)).stdout, /set aside +1 item\n +c: /)

  const refused = await run(
    'mirror',
    origin,
    join(scene.home, 'other'),
    '--require-signature',
    '--key',
    'A'.repeat(43),
  )
  assert.equal(refused.code, 7)
  assert.match(refused.stderr, /stale or forged origin/)
  assert.equal((await run('mirror', origin, mirror, '--watch', '--once')).code, 2)
  assert.equal((await run('mirror', 'gopher://x/', mirror)).code, 2)
  assert.ok(!existsSync(join(scene.home, 'other/b')))
})
