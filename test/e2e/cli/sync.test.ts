import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { requireTool } from '../../require.ts'
import { Scene } from './tidemark.ts'

/** The files below a directory, with what they hold. */
function files(scene: Scene, directory: string): Record<string, string> {
  const top = join(scene.directory, directory)
  const paths = readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(top.length + 1))
    .filter((path) => !path.startsWith('.tidemark/'))
  return Object.fromEntries(paths.toSorted().map((path) => [path, readFileSync(join(top, path), 'utf8')]))
}

async function pair(scene: Scene): Promise<void> {
  scene.write('a/one.txt', 'one\n')
  scene.write('a/docs/two.txt', 'two\n')
  await scene.ok('sync', 'a', 'b')
}

test('two directories become equal, and stay so by "sync" alone', async (t) => {
  const scene = new Scene(t)
  scene.write('a/one.txt', 'one\n')
  scene.write('b/two.txt', 'two\n')
  const said = await scene.ok('sync', 'a', 'b')
  assert.match(said, /\/a: 1 file received \(4 B\)\n.*\/b: 1 file received \(4 B\)\n/)
  assert.deepEqual(files(scene, 'a'), { 'one.txt': 'one\n', 'two.txt': 'two\n' })
  assert.deepEqual(files(scene, 'b'), files(scene, 'a'))
  scene.write('b/sub/three.txt', 'three\n')
  rmSync(join(scene.directory, 'a/one.txt'))
  await scene.ok('-C', 'b', 'sync')
  assert.deepEqual(files(scene, 'a'), { 'sub/three.txt': 'three\n', 'two.txt': 'two\n' })
  assert.deepEqual(files(scene, 'b'), files(scene, 'a'))
  const again = JSON.parse(await scene.ok('--json', '-C', 'a', 'sync')) as Record<string, unknown>
  assert.deepEqual([again['peer'], again['inStep'], again['problems']], ['b', true, []])
  // Each has the history of all.
  assert.equal(await scene.ok('-C', 'b', 'cat', 'latest~1:one.txt'), 'one\n')
})

test('what both have changed is kept twice, and said', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  scene.write('a/one.txt', 'from a\n')
  await sleep(20)
  scene.write('b/one.txt', 'from b, later\n')
  const { code, stderr } = await scene.run(['-C', 'a', 'sync'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /warning: one\.txt: changed on both sides; .*one \(conflict .*\)\.txt/)
  assert.deepEqual(files(scene, 'a'), files(scene, 'b'))
  assert.deepEqual(Object.values(files(scene, 'a')).toSorted(), ['from a\n', 'from b, later\n', 'two\n'])
  assert.equal(files(scene, 'a')['one.txt'], 'from b, later\n')
})

test('which way changes go', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  scene.write('a/from-a', 'a')
  scene.write('b/from-b', 'b')
  await scene.ok('-C', 'a', 'sync', '--mode', 'send')
  assert.ok(existsSync(join(scene.directory, 'b/from-a')))
  assert.ok(!existsSync(join(scene.directory, 'a/from-b')))
  // As it is noted, also when both are named.
  await scene.ok('-C', 'a', 'peer', 'add', 'b', join(scene.directory, 'b'), '--mode', 'send')
  await scene.ok('sync', 'a', 'b')
  assert.ok(!existsSync(join(scene.directory, 'a/from-b')))
  scene.write('a/more', 'a')
  await scene.ok('-C', 'a', 'sync', '--mode', 'receive')
  assert.ok(existsSync(join(scene.directory, 'a/from-b')))
  assert.ok(!existsSync(join(scene.directory, 'b/more')))
})

test('an emptied folder does not empty the other, unless that is meant', async (t) => {
  const scene = new Scene(t)
  for (let n = 0; n < 60; n++) scene.write(`a/${n}`, `${n}`)
  await scene.ok('sync', 'a', 'b')
  for (let n = 0; n < 60; n++) rmSync(join(scene.directory, `a/${n}`))
  const { code, stderr } = await scene.run(['-C', 'a', 'sync'])
  assert.equal(code, 7, stderr)
  assert.match(stderr, /60 of 60 entries would be deleted: nothing was done.*--allow-deletes/)
  assert.equal(Object.keys(files(scene, 'b')).length, 60)
  await scene.ok('-C', 'a', 'sync', '--allow-deletes')
  assert.equal(Object.keys(files(scene, 'b')).length, 0)
})

test('nor does one that held little', async (t) => {
  const scene = new Scene(t)
  for (let n = 0; n < 5; n++) scene.write(`a/${n}`, `${n}`)
  await scene.ok('sync', 'a', 'b')
  for (let n = 0; n < 5; n++) rmSync(join(scene.directory, `b/${n}`))
  const { code, stderr } = await scene.run(['-C', 'a', 'sync'])
  assert.equal(code, 7, stderr)
  assert.equal(Object.keys(files(scene, 'a')).length, 5)
  scene.write('b/new', 'new')
  await scene.ok('-C', 'a', 'sync')
  assert.deepEqual(files(scene, 'a'), { new: 'new' })
})

test('how a folder stands is known after a session that nobody kept up, on both sides', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  for (const [folder, peer] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const told = await scene.ok('-C', folder, 'status', '--sync', '--json')
    const { running, peers } = JSON.parse(told) as { running: boolean; peers: Record<string, unknown>[] }
    assert.equal(running, false)
    assert.deepEqual(
      peers.map(({ name, state, error }) => [name, state, error]),
      [[peer, 'in-step', null]],
    )
    assert.equal(typeof peers[0]!['inStepAt'], 'string')
  }
  rmSync(join(scene.directory, 'b'), { recursive: true })
  await scene.run(['-C', 'a', 'sync'])
  assert.match(await scene.ok('-C', 'a', 'status', '--sync'), /b +failing +.* ago[^]*is gone/)
})

test('a copy that has lost its bookkeeping, or is gone, is not taken for an empty one', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  rmSync(join(scene.directory, 'b'), { recursive: true })
  for (const args of [
    ['-C', 'a', 'sync'],
    ['sync', 'a', 'b'],
    ['sync', 'b', 'a'],
  ]) {
    const { code, stderr } = await scene.run(args)
    assert.equal(code, 7, stderr)
    assert.match(stderr, /\/b is gone: is its disk mounted\? .*peer remove b/)
  }
  mkdirSync(join(scene.directory, 'b'))
  const { code, stderr } = await scene.run(['sync', 'a', 'b'])
  assert.equal(code, 7, stderr)
  assert.match(stderr, /\/b has lost its \.tidemark/)
  assert.equal(Object.keys(files(scene, 'a')).length, 2)
  await scene.ok('-C', 'a', 'peer', 'remove', 'b')
  await scene.ok('sync', 'a', 'b')
  assert.deepEqual(files(scene, 'b'), files(scene, 'a'))
})

test('a folder that was copied with its bookkeeping is another copy', async (t) => {
  const scene = new Scene(t)
  scene.write('a/one.txt', 'one\n')
  await scene.ok('init', 'a')
  await scene.ok('-C', 'a', 'snapshot')
  cpSync(join(scene.directory, 'a'), join(scene.directory, 'b'), {
    recursive: true,
    preserveTimestamps: true,
  })
  scene.write('a/one.txt', 'changed in a\n')
  scene.write('b/new.txt', 'new in b\n')
  const { code, stderr } = await scene.run(['sync', 'a', 'b'])
  assert.equal(code, 0, stderr)
  assert.doesNotMatch(stderr, /changed on both sides/)
  assert.deepEqual(files(scene, 'b'), { 'new.txt': 'new in b\n', 'one.txt': 'changed in a\n' })
  assert.deepEqual(files(scene, 'a'), files(scene, 'b'))
})

test('another folder is refused, and joins when told to', async (t) => {
  const scene = new Scene(t)
  for (const name of ['a', 'b']) {
    scene.write(`${name}/${name}.txt`, name)
    await scene.ok('init', name)
    await scene.ok('-C', name, 'snapshot')
  }
  const { code, stderr } = await scene.run(['sync', 'a', 'b'])
  assert.equal(code, 6, stderr)
  assert.match(stderr, /another folder.*--join/)
  await scene.ok('sync', 'a', 'b', '--join')
  assert.deepEqual(files(scene, 'a'), { 'a.txt': 'a', 'b.txt': 'b' })
  assert.deepEqual(files(scene, 'b'), files(scene, 'a'))
})

test('what makes no sense is refused', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  scene.write('file', '')
  mkdirSync(join(scene.directory, 'new'))
  for (const [code, hint, ...args] of [
    [2, 'one and the same', 'a', 'a'],
    [2, 'lies inside the other', 'a', 'a/docs'],
    [2, 'not a directory', 'a', 'file'],
    [2, 'ssh://host/~/x', 'a', 'host:x'],
    [2, 'one of the two must be', 'ssh://one/x', 'ssh://two/x'],
    [2, 'not one of two-way', 'a', 'b', '--mode', 'both'],
    [4, 'neither .* is there', 'nowhere', 'neither'],
    [4, 'there is no', 'a', 'not/there'],
  ] as const) {
    const { code: exit, stderr } = await scene.run(['sync', ...args])
    assert.equal(exit, code, stderr)
    assert.match(stderr, new RegExp(hint))
  }
  const { code, stderr } = await scene.run(['sync'], { cwd: join(scene.directory, 'new') })
  assert.equal(code, 2)
  assert.match(stderr, /no peers yet/)
  const unknown = await scene.run(['-C', 'a', 'sync', 'nobody'])
  assert.equal(unknown.code, 4)
  assert.match(unknown.stderr, /no peer nobody/)
})

test('names are shown safely', async (t) => {
  const scene = new Scene(t)
  mkdirSync(join(scene.directory, 'a'))
  writeFileSync(join(scene.directory, 'a/x\u001b[2J\ny'), 'a')
  await scene.ok('sync', 'a', 'b\u001b[2J\n')
  writeFileSync(join(scene.directory, 'a/x\u001b[2J\ny'), 'from a')
  writeFileSync(join(scene.directory, 'b\u001b[2J\n/x\u001b[2J\ny'), 'from b!')
  const { code, stdout, stderr } = await scene.run(['-C', 'a', 'sync'])
  assert.equal(code, 0, stderr)
  assert.ok(!(stdout + stderr).includes('\u001b'))
  assert.match(stderr, /x\\x1b\[2J\\ny: changed on both sides/)
  assert.match(await scene.ok('-C', 'a', 'peer'), /\\x1b\[2J\\n$/m)
})

test('three in a row: what reaches one reaches all', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  await scene.ok('sync', 'a', 'c')
  scene.write('c/new', 'from c')
  await scene.ok('-C', 'a', 'sync')
  assert.deepEqual(files(scene, 'b'), files(scene, 'c'))
  assert.equal(files(scene, 'b')['new'], 'from c')
  // One that is away keeps nobody from the others.
  renameSync(join(scene.directory, 'b'), join(scene.directory, 'away'))
  scene.write('a/more', 'more')
  const { code, stderr } = await scene.run(['-C', 'a', 'sync'])
  assert.equal(code, 7)
  assert.match(stderr, /warning: b: .* is gone/)
  assert.equal(files(scene, 'c')['more'], 'more')
})

interface Watch {
  /** Resolves when the condition holds; rejects after a minute. */
  until(holds: (stderr: string) => boolean, what: string): Promise<void>
  stop(signal: NodeJS.Signals): Promise<{ code: number | null; stderr: string }>
}

export function startSync(t: TestContext, scene: Scene, ...args: string[]): Watch {
  const child = scene.start(['sync', ...args])
  t.after(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (piece) => (stderr += String(piece)))
  createInterface({ input: child.stdout }).on('line', () => {})
  const closed = once(child, 'close') as Promise<[number | null]>
  return {
    async until(holds, what) {
      for (let n = 0; !holds(stderr); n++) {
        assert.ok(n < 1200 && child.exitCode === null, `${what}: did not come: ${stderr}`)
        await sleep(50)
      }
    },
    async stop(signal) {
      child.kill(signal)
      const [code] = await closed
      return { code, stderr }
    },
  }
}

function holds(scene: Scene, path: string, text: string): () => boolean {
  return () => {
    try {
      return readFileSync(join(scene.directory, path), 'utf8') === text
    } catch {
      return false
    }
  }
}

test('watching, each change goes over, both ways, until Ctrl-C', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  const watch = startSync(t, scene, 'a', 'b', '--watch')
  scene.write('a/new', '1')
  await watch.until(holds(scene, 'b/new', '1'), 'to b')
  scene.write('b/new', '22')
  await watch.until(holds(scene, 'a/new', '22'), 'to a')
  renameSync(join(scene.directory, 'a/docs'), join(scene.directory, 'a/moved'))
  await watch.until(holds(scene, 'b/moved/two.txt', 'two\n'), 'a move')
  await watch.until(() => !existsSync(join(scene.directory, 'b/docs')), 'the end of a move')
  const { code, stderr } = await watch.stop('SIGINT')
  assert.equal(code, 130, stderr)
  assert.doesNotMatch(stderr, /warning|bug/)
  assert.deepEqual(files(scene, 'a'), files(scene, 'b'))
  // Nothing half done, and nothing held.
  await scene.ok('-C', 'a', 'sync')
  assert.match(await scene.ok('-C', 'b', 'verify', '--data'), /whole/)
})

test('watching, a copy that goes away is waited for, and nothing is deleted meanwhile', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  for (const name of ['a', 'b']) {
    const other = name === 'a' ? 'b' : 'a'
    const watch = startSync(t, scene, 'a', 'b', '--watch')
    scene.write(`${name}/${name}-before`, 'x')
    await watch.until(holds(scene, `${other}/${name}-before`, 'x'), 'before')
    renameSync(join(scene.directory, name), join(scene.directory, 'away'))
    mkdirSync(join(scene.directory, name))
    scene.write(`${other}/${other}-meanwhile`, 'y')
    await watch.until(
      (stderr) => /is its disk (?:still )?mounted\?.*again in/.test(stderr),
      'that it is away',
    )
    await sleep(500)
    assert.deepEqual(readdirSync(join(scene.directory, name)), [])
    rmSync(join(scene.directory, name), { recursive: true })
    renameSync(join(scene.directory, 'away'), join(scene.directory, name))
    await watch.until(holds(scene, `${name}/${other}-meanwhile`, 'y'), 'after its return')
    const { code, stderr } = await watch.stop('SIGTERM')
    assert.equal(code, 143, stderr)
    assert.deepEqual(files(scene, 'a'), files(scene, 'b'))
  }
})

test('one that is killed while it writes leaves nothing half done', async (t) => {
  const scene = new Scene(t)
  for (let n = 0; n < 800; n++) scene.write(`a/${n % 20}/${n}`, `${n} `.repeat(500))
  for (const delay of [300, 600, 900]) {
    const watch = startSync(t, scene, 'a', 'b')
    await sleep(delay)
    await watch.stop('SIGKILL')
  }
  await scene.ok('sync', 'a', 'b')
  assert.deepEqual(files(scene, 'b'), files(scene, 'a'))
  assert.equal(Object.keys(files(scene, 'a')).length, 800)
})

test('two at once on one folder: both end well', async (t) => {
  const scene = new Scene(t)
  await pair(scene)
  for (let n = 0; n < 100; n++) scene.write(`b/${n}`, `${n}`)
  const results = await Promise.all([scene.run(['sync', 'a', 'b']), scene.run(['sync', 'b', 'a'])])
  for (const { code, stderr } of results) assert.ok(code === 0 || code === 6 || code === 3, stderr)
  await scene.ok('sync', 'a', 'b')
  assert.deepEqual(files(scene, 'a'), files(scene, 'b'))
  assert.equal(Object.keys(files(scene, 'a')).length, 102)
  assert.match(await scene.ok('-C', 'a', 'verify', '--data'), /whole/)
})

test('a dry run says what would be done, and does nothing', async (t) => {
  const scene = new Scene(t)
  scene.write('a/one.txt', 'one\n')
  const plan = await scene.ok('sync', 'a', 'b', '--dry-run')
  assert.match(plan, /\/a:\n.*\/b:\nA {2}one\.txt\n/)
  assert.deepEqual(readdirSync(scene.directory), ['a'])
  assert.deepEqual(readdirSync(join(scene.directory, 'a')), ['one.txt'])
  await scene.ok('sync', 'a', 'b')
  const before = readFileSync(join(scene.directory, 'a/.tidemark/folder.json'), 'utf8')
  const snapshots = await scene.ok('-C', 'a', 'log', '--json')
  scene.write('a/one.txt', 'from a\n')
  scene.write('b/one.txt', 'from b!\n')
  scene.write('b/two.txt', 'two\n')
  const lines = (await scene.ok('--json', '-C', 'a', 'sync', '-n')).trim().split('\n')
  const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.ok(
    said.some(({ side, path, change }) => side === 'here' && path === 'two.txt' && change === 'added'),
  )
  assert.ok(said.some(({ conflict }) => (conflict as { path: string } | undefined)?.path === 'one.txt'))
  assert.equal(await scene.ok('-C', 'a', 'log', '--json'), snapshots)
  assert.equal(readFileSync(join(scene.directory, 'a/.tidemark/folder.json'), 'utf8'), before)
  assert.deepEqual(files(scene, 'a'), { 'one.txt': 'from a\n' })
  // What is planned is what is done.
  await scene.ok('-C', 'a', 'sync')
  const [copy] = Object.keys(files(scene, 'a')).filter((name) => name.includes('conflict'))
  assert.ok(said.some(({ conflict }) => (conflict as { copy: string } | undefined)?.copy === copy))
})

test('a dry run tells of what would be refused', async (t) => {
  const scene = new Scene(t)
  for (let n = 0; n < 60; n++) scene.write(`a/${n}`, `${n}`)
  await scene.ok('sync', 'a', 'b')
  for (let n = 0; n < 60; n++) rmSync(join(scene.directory, `a/${n}`))
  const { code, stderr } = await scene.run(['-C', 'a', 'sync', '--dry-run'])
  assert.equal(code, 7)
  assert.match(stderr, /60 of 60 entries would be deleted/)
})

test('a copy that holds only a part', async (t) => {
  const scene = new Scene(t)
  for (const path of ['docs/a', 'photos/b', 'top']) scene.write(`all/${path}`, path)
  await scene.ok('sync', 'part', 'all', '--include', './docs/')
  assert.deepEqual(files(scene, 'part'), { 'docs/a': 'docs/a' })
  // What is not here is not deleted there, nor what is here and not part of it sent.
  scene.write('part/docs/new', 'new')
  scene.write('part/own', 'own')
  scene.write('all/photos/more', 'more')
  await scene.ok('-C', 'part', 'sync')
  assert.deepEqual(Object.keys(files(scene, 'all')), ['docs/a', 'docs/new', 'photos/b', 'photos/more', 'top'])
  assert.deepEqual(Object.keys(files(scene, 'part')), ['docs/a', 'docs/new', 'own'])
  const { code, stderr } = await scene.run(['sync', 'part', 'all', '--include', '../all'])
  assert.equal(code, 2)
  assert.match(stderr, /not a path from the top/)
})

test('a copy whose disk is not mounted is refused, and goes on when it is', async (t) => {
  const scene = new Scene(t)
  const [disk, point] = [join(scene.directory, 'disk'), join(scene.directory, 'point')]
  mkdirSync(disk)
  mkdirSync(point)
  const mount = (): boolean => spawnSync('mount', ['--bind', disk, point]).status === 0
  const unmount = (): void => void spawnSync('umount', [point])
  using _mounted = { [Symbol.dispose]: unmount }
  if (!requireTool(t, mount(), 'mounting needs root')) return
  scene.write('point/one', '1')
  await scene.ok('sync', 'point', 'copy')
  unmount()
  for (const args of [
    ['sync', 'point', 'copy'],
    ['-C', 'copy', 'sync'],
  ]) {
    const { code, stderr } = await scene.run(args)
    assert.equal(code, 7, stderr)
    assert.match(stderr, /is its disk mounted/)
  }
  assert.deepEqual(readdirSync(point), [])
  assert.deepEqual(files(scene, 'copy'), { one: '1' })
  assert.ok(mount())
  const device = (): string =>
    (/"device": "(.*)"/.exec(readFileSync(join(disk, '.tidemark/folder.json'), 'utf8')) ?? [])[1]!
  const before = device()
  scene.write('copy/two', '2')
  await scene.ok('-C', 'copy', 'sync')
  assert.deepEqual(files(scene, 'point'), { one: '1', two: '2' })
  assert.equal(device(), before)
})
