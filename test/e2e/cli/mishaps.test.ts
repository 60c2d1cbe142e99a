import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireTool } from '../../require.ts'
import { Scene } from './tidemark.ts'

/** Packs that hold contents of files, the largest first. */
function largestPack(repository: string): string {
  const packs = readdirSync(join(repository, 'packs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  return packs.toSorted((a, b) => statSync(b).size - statSync(a).size)[0]!
}

const noise = (seed: number): string =>
  Array.from({ length: 20_000 }, (_, n) => ((n * seed * 2_654_435_761) >>> 0).toString(36)).join(' ')

test('the same restore in place twice does the same', async (t) => {
  const scene = new Scene(t)
  scene.write('a', 'good')
  scene.write('b', 'good')
  await scene.ok('init')
  await scene.ok('snapshot')
  scene.write('a', 'bad')
  scene.write('b', 'bad')
  const read = (path: string): string => readFileSync(join(scene.directory, path), 'utf8')
  await scene.ok('restore', 'latest', 'a', '--in-place')
  assert.deepEqual([read('a'), read('b')], ['good', 'bad'])
  await scene.ok('restore', 'latest', 'b', '--in-place')
  assert.deepEqual([read('a'), read('b')], ['good', 'good'])
  await scene.ok('restore', 'latest', '--in-place')
  assert.deepEqual([read('a'), read('b')], ['good', 'good'])
  // What was there before each is kept, under a name.
  await scene.ok('restore', 'before-restore~1', '--in-place')
  assert.equal(await scene.ok('cat', 'before-restore:b'), 'good')
  const log = JSON.parse(await scene.ok('log', '--json')) as { id: string; tags: string[] }[]
  assert.ok(log.filter(({ tags }) => tags.includes('before-restore')).length >= 2)
  assert.equal(await scene.ok('cat', 'latest:a'), 'good')
})

test('what was lost and is still in the folder comes back with the next snapshot', async (t) => {
  const scene = new Scene(t)
  const repository = join(scene.directory, '.tidemark/repository')
  for (const n of [1, 2, 3]) scene.write(`r${n}`, noise(n))
  await scene.ok('init')
  await scene.ok('snapshot')
  rmSync(largestPack(repository))
  assert.equal((await scene.run(['verify'])).code, 5)
  assert.equal((await scene.run(['repair'])).code, 5)
  await scene.ok('snapshot')
  assert.match(await scene.ok('verify', '--data'), /whole/)
  await scene.ok('restore', 'latest', '--to', '../out')
  assert.equal(readFileSync(join(scene.directory, '../out/r2'), 'utf8'), noise(2))
  // Once is enough.
  assert.match(await scene.ok('snapshot', '--always'), /0 B read/)
})

test('repair says what it has not looked at', async (t) => {
  const scene = new Scene(t)
  const repository = join(scene.directory, '.tidemark/repository')
  scene.write('file', noise(7))
  await scene.ok('init')
  await scene.ok('snapshot')
  const pack = largestPack(repository)
  const bytes = readFileSync(pack)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(pack, bytes)
  assert.match((await scene.run(['verify', '--data'])).stdout, /tidemark repair --data/)
  assert.match(await scene.ok('repair'), /without reading the packs \(--data does\)/)
  assert.equal((await scene.run(['repair', '--data'])).code, 5)
  await scene.ok('snapshot')
  assert.match(await scene.ok('verify', '--data'), /whole/)
})

test('a timeline without contents is whole', async (t) => {
  const scene = new Scene(t)
  scene.write('dir/a', noise(1))
  await scene.ok('init', '--history', 'none')
  await scene.ok('snapshot')
  assert.match(await scene.ok('verify', '--data'), /whole/)
  assert.match(await scene.ok('repair', '--replace', '--drop-damaged'), /whole/)
  const repository = join(scene.directory, '.tidemark/repository')
  assert.match(await scene.ok('--repository', repository, 'verify'), /whole/)
  rmSync(largestPack(repository))
  assert.equal((await scene.run(['verify'])).code, 5)
})

test('a repository that has moved is found again', async (t) => {
  const scene = new Scene(t)
  scene.write('file', 'one')
  const [old, now, other] = ['old', 'now', 'other'].map((name) => join(scene.home, name))
  await scene.ok('init', '--repository', old!)
  await scene.ok('snapshot')
  assert.equal((await scene.run(['init', '--repository', now!])).code, 6)
  renameSync(old!, now!)
  const lost = await scene.run(['status'])
  assert.equal(lost.code, 4)
  assert.match(lost.stderr, /if it has moved: tidemark init --repository/)
  assert.equal((await scene.run(['init', '--repository', other!])).code, 4)
  assert.ok(!existsSync(other!))
  await scene.ok('init', '--repository', now!)
  assert.match(await scene.ok('snapshot'), /nothing has changed/)
  // One inside the folder moves with it.
  const second = new Scene(t)
  second.write('folder/file', 'one')
  await second.ok('init', 'folder', '--repository', join(second.directory, 'folder/history'))
  await second.ok('-C', 'folder', 'snapshot')
  renameSync(join(second.directory, 'folder'), join(second.directory, 'moved'))
  assert.match(await second.ok('-C', 'moved', 'snapshot'), /nothing has changed/)
})

test('a folder that has lost its settings takes up its history', async (t) => {
  const scene = new Scene(t)
  scene.write('file', 'one')
  await scene.ok('init')
  await scene.ok('snapshot', '-m', 'first')
  const settings = join(scene.directory, '.tidemark/folder.json')
  writeFileSync(settings, 'rubbish')
  const damaged = await scene.run(['log'])
  assert.equal(damaged.code, 5)
  assert.match(
    damaged.stderr,
    /\.tidemark\/folder\.json: not a JSON document \(move it away and run tidemark init/,
  )
  rmSync(settings)
  await scene.ok('init')
  assert.match(await scene.ok('log'), /first/)
  scene.write('file', 'two')
  await scene.ok('snapshot')
  assert.equal((JSON.parse(await scene.ok('log', '--json')) as unknown[]).length, 2)
})

test('a time that no tree can hold is said', async (t) => {
  const scene = new Scene(t)
  scene.write('far', 'one')
  const file = join(scene.directory, 'far')
  execFileSync('touch', ['-d', '2400-01-01', file])
  const year = statSync(file).mtime.getUTCFullYear()
  if (!requireTool(t, year === 2399 || year === 2400, 'a file system that has such times')) return
  await scene.ok('init')
  const { code, stderr } = await scene.run(['snapshot'])
  assert.equal(code, 3)
  assert.match(stderr, /far: its time is before 1677 or after 2262: the nearest is recorded/)
  await scene.ok('snapshot')
})
