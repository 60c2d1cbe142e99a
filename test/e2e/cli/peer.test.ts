import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Scene } from './tidemark.ts'

test('peers are noted, listed, changed and forgotten', async (t) => {
  const scene = new Scene(t)
  await scene.ok('init')
  assert.match(
    await scene.ok('peer', 'add', 'laptop', 'ssh://ann@laptop/~/my notes'),
    /laptop is a peer: ssh:\/\/ann@laptop\/~\/my%20notes\n/,
  )
  await scene.ok('peer', 'add', 'disk', '../disk', '--mode', 'send', '--read-only')
  const listed = await scene.ok('peer', 'list')
  assert.match(listed, /^laptop {2}two-way\s+ssh:\/\/ann@laptop\/~\/my%20notes$/m)
  assert.match(listed, /^disk\s+send\s+read-only\s+\/.*\/disk$/m)
  await scene.ok('peer', 'add', 'disk', '../other')
  const [, disk] = JSON.parse(await scene.ok('--json', 'peer')) as Record<string, unknown>[]
  assert.deepEqual(
    [disk!['name'], disk!['mode'], disk!['readOnly'], disk!['place']],
    ['disk', 'two-way', false, join(scene.directory, '../other')],
  )
  await scene.ok('peer', 'remove', 'laptop')
  assert.doesNotMatch(await scene.ok('peer'), /laptop/)
  // Nothing of it is part of the folder.
  assert.match(await scene.ok('status'), /all of 0 files/)
})

test('what makes no sense is refused', async (t) => {
  const scene = new Scene(t)
  await scene.ok('init')
  for (const [code, hint, ...args] of [
    [2, 'takes a name and a place', 'add', 'x'],
    [2, 'ssh://host/~/notes', 'add', 'x', 'host:notes'],
    [2, 'name of a peer', 'add', 'a/b', 'c'],
    [2, 'none of|not one of', 'add', 'x', 'c', '--mode', 'both'],
    [2, 'not one of', 'find', 'x'],
    [4, 'no peer is called x', 'remove', 'x'],
  ] as const) {
    const { code: exit, stderr } = await scene.run(['peer', ...args])
    assert.equal(exit, code, stderr)
    assert.match(stderr, new RegExp(hint))
  }
})

test('damaged settings are not written over', async (t) => {
  const scene = new Scene(t)
  await scene.ok('init')
  const file = join(scene.directory, '.tidemark/sync.json')
  writeFileSync(file, '{"format":')
  const { code, stderr } = await scene.run(['peer', 'add', 'x', 'y'])
  assert.equal(code, 5)
  assert.match(stderr, /sync\.json: not a JSON document \(move it away/)
  assert.equal(readFileSync(file, 'utf8'), '{"format":')
})

test('a damaged note of what is held is named, and what to do', async (t) => {
  const scene = new Scene(t)
  scene.write('a/file', '1')
  await scene.ok('sync', 'a', 'b')
  writeFileSync(join(scene.directory, 'a/.tidemark/held.json'), '{')
  for (const args of [
    ['-C', 'a', 'status'],
    ['sync', 'b', 'a'],
    ['-C', 'a', 'sync'],
  ]) {
    const { code, stderr } = await scene.run(args)
    assert.equal(code, 5, stderr)
    assert.match(stderr, /\/a\/\.tidemark\/held\.json: not a JSON document \(bring it back/)
  }
})

test('shells complete the names of peers', async (t) => {
  const scene = new Scene(t)
  await scene.ok('init')
  await scene.ok('peer', 'add', 'laptop', 'ssh://laptop/srv/notes')
  assert.match(await scene.ok('complete', '--', 'peer', 'remove', 'la'), /^laptop\t/m)
  assert.match(await scene.ok('complete', '--', 'peer', 'add', 'x', 'ss'), /^ssh:\/\/laptop\/srv\/notes\t/m)
})
