import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireTool } from '../../require.ts'
import { mountMemory } from '../../suites/mount.ts'
import { Scene } from './tidemark.ts'

/** The files below a directory, the largest first. */
function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .toSorted((a, b) => statSync(b).size - statSync(a).size)
}

test('what the repository has lost is damage, whatever was asked for', async (t) => {
  for (const lost of ['packs', 'index']) {
    const scene = new Scene(t)
    scene.write(
      'docs/a.bin',
      new Uint8Array(300_000).map((_, i) => (i * i) >> 3),
    )
    await scene.ok('init')
    await scene.ok('snapshot')
    for (const file of files(join(scene.directory, '.tidemark/repository', lost))) rmSync(file)
    for (const args of [
      ['cat', 'latest:docs/a.bin'],
      ['ls', 'latest:docs'],
      ['restore', 'latest', '--to', 'out'],
      ['restore', 'latest', 'docs/a.bin', '--to', 'out'],
      ['find', 'a*'],
    ]) {
      const { code, stderr } = await scene.run(args)
      assert.equal(code, 5, `${lost}: ${args.join(' ')}: ${stderr}`)
      assert.match(stderr, /tidemark verify/)
    }
  }
})

test('content that is lost from a restore is damage, the rest is restored', async (t) => {
  const scene = new Scene(t)
  scene.write(
    'a.bin',
    new Uint8Array(300_000).map((_, i) => (i * i) >> 3),
  )
  scene.write('b.txt', 'b')
  await scene.ok('init')
  await scene.ok('snapshot')
  rmSync(files(join(scene.directory, '.tidemark/repository/packs'))[0]!)
  const { code, stderr } = await scene.run(['restore', 'latest', '--to', 'out'])
  assert.equal(code, 5, stderr)
  assert.match(stderr, /a\.bin: [^]*tidemark verify/)
})

test('what the system refuses is said in plain words', async (t) => {
  const scene = new Scene(t)
  const { code, stderr } = await scene.run(['-C', 'nowhere', 'status'])
  assert.equal(code, 4)
  assert.equal(stderr, 'tidemark: open nowhere: no such file or directory\n')
})

test('a folder whose bookkeeping is closed to this user is not taken for none', async (t) => {
  const scene = new Scene(t)
  scene.write('a', 'a')
  await scene.ok('init')
  await scene.ok('snapshot')
  const uid = process.getuid?.() === 0 ? 65_534 : undefined
  if (uid !== undefined) chmodSync(join(scene.directory, '..'), 0o755)
  chmodSync(join(scene.directory, '.tidemark'), uid === undefined ? 0 : 0o700)
  const probe = await scene.run(['--version'], { uid })
  if (!requireTool(t, probe.code === 0, 'needs the program to be readable for others')) return
  const { code, stderr } = await scene.run(['log'], { uid })
  chmodSync(join(scene.directory, '.tidemark'), 0o700)
  assert.equal(code, 7, stderr)
  assert.match(stderr, /open .*\/\.tidemark\/folder\.json: permission denied\n$/)
})

test('a full disk is named', async (t) => {
  const scene = new Scene(t)
  const small = join(scene.directory, 'small')
  mkdirSync(small)
  using mounted = mountMemory(t, small, { options: 'size=1m' })
  if (!mounted) return
  scene.write('folder/a.bin', randomBytes(3_000_000))
  await scene.ok('-r', 'small/repository', 'init', 'folder')
  const repository = await scene.run(['-C', 'folder', 'snapshot'])
  assert.equal(repository.code, 7, repository.stderr)
  assert.match(repository.stderr, /small\/repository.*no space left/)
  rmSync(join(small, 'repository'), { recursive: true })
  rmSync(join(scene.directory, 'folder/.tidemark'), { recursive: true })
  await scene.ok('init', 'folder')
  await scene.ok('-C', 'folder', 'snapshot')
  const target = await scene.run(['-C', 'folder', 'restore', 'latest', '--to', 'small/out'])
  assert.equal(target.code, 7, target.stderr)
  assert.match(target.stderr, /restore a\.bin.*no space left/)
})

test('a sync to a full disk names the side, and goes on when there is room', async (t) => {
  const scene = new Scene(t)
  mkdirSync(join(scene.directory, 'disk'))
  using mounted = mountMemory(t, join(scene.directory, 'disk'), { options: 'size=8m' })
  if (!mounted) return
  scene.write('a/r1', randomBytes(5_000_000))
  const { code, stderr } = await scene.run(['sync', 'a', 'disk/b'])
  assert.equal(code, 7, stderr)
  assert.match(stderr, /\/disk\/b: .*no space left on device: make room there, and sync again/)
  await scene.execute('mount', ['-o', 'remount,size=32m', mounted.path])
  await scene.ok('-C', 'a', 'sync')
  assert.equal(statSync(join(mounted.path, 'b/r1')).size, 5_000_000)
})

test('what only looks works on a read-only and on a full disk, and what writes says why it cannot', async (t) => {
  const scene = new Scene(t)
  mkdirSync(join(scene.directory, 'disk'))
  using mounted = mountMemory(t, join(scene.directory, 'disk'), { options: 'size=8m' })
  if (!mounted) return
  scene.write('disk/a/one', '1')
  scene.write('o/file', '1')
  await scene.ok('sync', 'disk/a', 'b')
  await scene.ok('recent', 'init', 'o')
  await scene.ok('mirror', 'o', 'disk/m')
  scene.write('disk/a/two', '2')
  const look = async (): Promise<void> => {
    assert.equal(await scene.ok('-C', 'disk/a', 'status'), 'A  two\n')
    assert.equal(await scene.ok('-C', 'disk/a', 'conflicts'), '')
    assert.match(await scene.ok('-C', 'disk/a', 'sync', '--dry-run'), /^A  two$/m)
    assert.match(await scene.ok('mirror', 'status', 'disk/m'), /complete/)
  }
  const refused = async (reason: string): Promise<void> => {
    const { code, stderr } = await scene.run(['-C', 'disk/a', 'snapshot'])
    assert.equal(code, 7, stderr)
    assert.match(stderr, new RegExp(`/disk/a/.tidemark/.*${reason}`))
  }
  const remount = (how: string): Promise<unknown> =>
    scene.execute('mount', ['-o', `remount,${how}`, mounted.path])
  await remount('ro')
  await look()
  await refused('read-only file system')
  await remount('rw')
  assert.throws(() => scene.write('disk/filler', randomBytes(10_000_000)), { code: 'ENOSPC' })
  await look()
  await refused('no space left on device')
  rmSync(join(mounted.path, 'filler'))
  await scene.ok('-C', 'disk/a', 'snapshot')
})
