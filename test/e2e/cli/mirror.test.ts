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

test('an index that is damaged is named', async (t) => {
  const scene = new Scene(t)
  scene.write('origin/file', 'content')
  await scene.ok('publish', 'origin', '--once')
  const index = join(scene.directory, 'origin/RECENT-1h.yaml')
  rmSync(join(scene.directory, 'origin/RECENT.head'), { force: true })
  for (const damage of ['', "---\nmeta:\n  comment: 'open\n"]) {
    writeFileSync(index, damage)
    const { code, stderr } = await scene.run(['mirror', 'origin', 'copy'])
    assert.equal(code, 5, stderr)
    assert.match(stderr, /RECENT\.recent: index: /)
  }
})

test('the units of services mean elsewhere what was meant here', async (t) => {
  const scene = new Scene(t)
  const [tree, at] = [join(scene.directory, 'tree'), (name: string): string => join(scene.directory, name)]
  mkdirSync(tree)
  writeFileSync(join(tree, 'file'), 'content')
  const publish = await scene.run(['publish', 'tree', '--systemd', '--listen', '8080', '--debounce', '1s'])
  assert.ok(
    publish.stdout.includes(`"publish" "${tree}" "--listen" "8080" "--debounce" "1000ms"\n`),
    publish.stdout,
  )
  assert.equal(existsSync(join(tree, 'RECENT.recent')), false)
  const options = ['--current', 'now', '--bandwidth', '1M', '-j', '3', '--forget-key']
  const mirror = await scene.run(['mirror', 'tree', 'copy', '--systemd', ...options])
  const line = `"mirror" "${tree}" "${at('copy')}" "--watch" "--current" "${at('now')}" "--bandwidth" "1048576" "--jobs" "3"\n`
  assert.ok(mirror.stdout.includes(line), mirror.stdout)
  assert.equal(existsSync(at('copy')), false)
  const remote = await scene.run(['mirror', 'rsync://host/module/', 'copy', '--systemd'])
  assert.match(remote.stdout, /"mirror" "rsync:\/\/host\/module\/"/)
  assert.equal((await scene.run(['mirror', 'tree', 'copy', '--systemd', '--once'])).code, 2)
  assert.equal((await scene.run(['publish', 'tree', '--systemd', '--once'])).code, 2)
})

test('an origin is no mirror of itself, nor is what lies inside or around it', async (t) => {
  const scene = new Scene(t)
  scene.write('around/origin/a', 'a')
  await scene.ok('publish', 'around/origin', '--once')
  scene.write('around/origin/not-listed', 'still here')
  for (const [target, message] of [
    ['around/origin', /one and the same directory/],
    ['around/origin/new', /one lies inside the other/],
    ['around', /one lies inside the other/],
  ] as const) {
    const { code, stderr } = await scene.run(['mirror', 'around/origin', target, '--verify'])
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
  assert.ok(existsSync(join(scene.directory, 'around/origin/not-listed')))
  assert.ok(!existsSync(join(scene.directory, 'around/origin/new')))
  assert.ok(!existsSync(join(scene.directory, 'around/.tidemark')))
})
