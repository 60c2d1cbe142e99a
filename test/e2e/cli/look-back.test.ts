import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { requireTool } from '../../require.ts'
import { Scene, makeHistory } from './tidemark.ts'

function lines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('what was recorded is listed, shown and compared', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const log = await scene.ok('log')
  assert.match(log, /^SNAPSHOT .*\n[0-9a-f]{12} .* go on\n[0-9a-f]{12} .* begin {2}\[start\]\n$/)
  assert.equal(await scene.ok('ls', 'start'), 'docs/\nnotes.txt\n')
  assert.equal(await scene.ok('ls', '-R', 'latest'), 'docs/\ndocs/b.txt\nnotes.txt\n')
  assert.equal(await scene.ok('ls', '-R', '-0', 'latest:docs'), 'docs/b.txt\0')
  assert.match(await scene.ok('ls', '-l', 'latest:notes.txt'), /^-rw.* 19 B .* notes\.txt\n$/)
  assert.equal(await scene.ok('cat', 'start:notes.txt'), 'first\nsecond\n')
  assert.equal(
    await scene.ok('cat', 'latest~1:notes.txt', 'latest:notes.txt'),
    'first\nsecond\nfirst\nsecond\nthird\n',
  )
  assert.equal(await scene.ok('diff', 'start'), 'R  docs/a.txt -> docs/b.txt\nM  notes.txt\n')
  assert.equal(
    await scene.ok('diff', 'start', '--no-renames'),
    'D  docs/a.txt\nA  docs/b.txt\nM  notes.txt\n',
  )
  assert.equal(await scene.ok('diff', 'start:docs', '--name-only'), 'docs/b.txt\n')
  assert.equal(await scene.ok('diff', 'start', 'latest:notes.txt'), 'M  notes.txt\n')
  assert.equal(await scene.ok('diff', 'latest', '--exit-code'), '')
  assert.equal((await scene.run(['diff', 'start', '--exit-code'])).code, 8)
})

test('a tag that no snapshot has is said to be none, not that there are no snapshots', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const { stdout, stderr } = await scene.run(['log', '--tag', 'nope'])
  assert.deepEqual([stdout, stderr], ['', 'none of the 2 snapshots has such a tag\n'])
})

test('paths are understood from anywhere', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const docs = join(scene.directory, 'docs')
  const cat = async (path: string): Promise<string> =>
    (await scene.run(['cat', `latest:${path}`], { cwd: docs })).stdout
  const moved = await cat('b.txt')
  assert.match(moved, /^the one document/)
  assert.equal(await cat('/docs/b.txt'), moved)
  assert.equal(await cat(join(docs, 'b.txt')), moved)
  assert.equal(await cat('../docs/./b.txt'), moved)
  const outside = await scene.run(['-C', scene.directory, 'cat', 'latest:docs/b.txt'], { cwd: scene.home })
  assert.equal(outside.stdout, moved)
  const repository = join(scene.directory, '.tidemark/repository')
  for (const path of ['docs/b.txt', '/docs/b.txt', join(docs, 'b.txt')]) {
    const bare = await scene.run(['-r', repository, 'cat', `latest:${path}`], { cwd: scene.home })
    assert.equal(bare.stdout, moved, path)
  }
})

test('JSON tells the same, one value or one a line', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const log = JSON.parse(await scene.ok('log', '--json')) as Record<string, unknown>[]
  assert.deepEqual(
    log.map(({ message, tags, entries }) => [message, tags, entries]),
    [
      ['go on', [], 3],
      ['begin', ['start'], 3],
    ],
  )
  const entries = lines(await scene.ok('ls', '-R', 'latest', '--json'))
  assert.deepEqual(
    entries.map(({ path, kind, size }) => [path, kind, size]),
    [
      ['docs', 'directory', 53],
      ['docs/b.txt', 'file', 53],
      ['notes.txt', 'file', 19],
    ],
  )
  const changes = lines(await scene.ok('diff', 'start', '--json'))
  const seen = changes.map(({ path, change, from }) => [path, change, from])
  assert.deepEqual(
    seen.filter(([path]) => path !== 'docs'),
    [
      ['docs/b.txt', 'moved', 'docs/a.txt'],
      ['notes.txt', 'changed', undefined],
    ],
  )
  const none = JSON.parse(await scene.ok('snapshot', '--json')) as Record<string, unknown>
  assert.deepEqual([none['id'], none['unchanged'], none['parent']], [null, true, log[0]!['id']])
})

test('names, messages and tags cannot control the terminal', async (t) => {
  const scene = new Scene(t)
  const evil = 'a\u001b]0;owned\u0007\u001b[2Jb\nc\u009bd'
  mkdirSync(join(scene.directory, evil))
  writeFileSync(join(scene.directory, evil, evil), 'x')
  symlinkSync(evil, join(scene.directory, 'link'))
  writeFileSync(Buffer.concat([Buffer.from(`${scene.directory}/caf`), Buffer.of(0xe9)]), 'latin')
  await scene.ok('init')
  assert.equal((await scene.run(['snapshot', '--tag', evil])).code, 2)
  await scene.ok('snapshot', '-m', evil)
  writeFileSync(join(scene.directory, evil, evil), 'y')
  await scene.ok('snapshot')
  const commands = [
    ['log'],
    ['ls', '-lR', 'latest'],
    ['ls', '-R', 'latest', '--json'],
    ['diff', 'latest~1'],
    ['diff', 'latest~1', '--name-only'],
    ['cat', `latest:${evil}`],
    ['ls', evil.slice(0, 5)],
    ['ls', `${evil}:nothing${evil}`],
    [evil],
  ]
  for (const args of commands) {
    const { stdout, stderr } = await scene.run(args)
    assert.ok((stdout + stderr).length > 0)
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  }
  // What is shown can be given back, and scripts get the names as they are.
  assert.equal(await scene.ok('cat', 'latest:caf\\xe9'), 'latin')
  assert.equal(
    await scene.ok(
      'cat',
      'latest:a\\x1b]0;owned\\x07\\x1b[2Jb\\nc\u009bd/a\\x1b]0;owned\\x07\\x1b[2Jb\\nc\u009bd',
    ),
    'y',
  )
  assert.ok((await scene.ok('ls', '-0', 'latest')).split('\0').includes(evil))
})

test('characters that are not seen are shown as escapes, which can be typed', async (t) => {
  const scene = new Scene(t)
  const hidden = 'a\u202egnp.\u200bexe\u2028\ufeff'
  scene.write(hidden, 'x')
  await scene.ok('init')
  await scene.ok('snapshot', '-m', hidden)
  const shown = String.raw`a\u{202e}gnp.\u{200b}exe\u{2028}\u{feff}`
  assert.equal(await scene.ok('ls', 'latest'), `${shown}\n`)
  assert.equal(await scene.ok('cat', `latest:${shown}`), 'x')
  assert.match(await scene.ok('history', shown), /created/)
  for (const args of [
    ['log'],
    ['log', '--json'],
    ['ls', 'latest', '--json'],
    ['find', 'a*'],
    ['ls', hidden],
  ]) {
    const { stdout, stderr } = await scene.run(args)
    assert.doesNotMatch(stdout + stderr, /[\u200b\u202e\u2028\ufeff]/, args.join(' '))
  }
  assert.equal((JSON.parse(await scene.ok('ls', 'latest', '--json')) as { path: string }).path, hidden)
})

test('what cannot be read is said, and the rest recorded', async (t) => {
  const scene = new Scene(t)
  scene.write('good', 'g')
  scene.write('bad', 'b')
  await scene.ok('init')
  chmodSync(join(scene.directory, 'bad'), 0)
  // Root can read everything: then somebody else does it.
  const uid = process.getuid?.() === 0 ? 65_534 : undefined
  if (uid !== undefined) await scene.execute('chown', ['-R', `${uid}:${uid}`, dirname(scene.directory)])
  const probe = await scene.run(['--version'], { uid })
  if (!requireTool(t, probe.code === 0, 'needs the program to be readable for others')) return
  const { code, stderr } = await scene.run(['snapshot'], { uid })
  assert.equal(code, 3, stderr)
  assert.match(stderr, /warning: bad: /)
  assert.match(await scene.ok('log'), /1 unreadable/)
  assert.equal((await scene.run(['cat', 'latest:bad'])).code, 4)
  assert.equal(await scene.ok('cat', 'latest:good'), 'g')
})
