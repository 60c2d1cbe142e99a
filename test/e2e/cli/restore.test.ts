import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Scene, makeHistory } from './tidemark.ts'

function reader(scene: Scene): (path: string) => string {
  return (path) => readFileSync(join(scene.directory, path), 'utf8')
}

test('what is restored in place can be undone', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const read = reader(scene)
  scene.write('notes.txt', 'not recorded yet\n')
  const { code, stdout, stderr } = await scene.run(['restore', 'start', 'notes.txt', '--in-place'])
  assert.equal(code, 0)
  assert.match(stdout, /1 file written/)
  assert.equal(read('notes.txt'), 'first\nsecond\n')
  assert.equal(read('docs/b.txt').length, 53)
  const [, kept] = /what is there now is kept as ([0-9a-f]{12})/.exec(stderr)!
  await scene.ok('restore', kept!, '--in-place')
  assert.equal(read('notes.txt'), 'not recorded yet\n')
  const before = (JSON.parse(await scene.ok('log', '--json')) as unknown[]).length
  await scene.ok('restore', 'start', '--in-place', '--no-snapshot')
  assert.equal((JSON.parse(await scene.ok('log', '--json')) as unknown[]).length, before)
})

test('nothing is deleted that was not asked for, and nothing that is left out', async (t) => {
  const scene = new Scene(t)
  scene.write('.tidemarkignore', '*.o\n')
  await makeHistory(scene)
  scene.write('new.txt', 'new')
  scene.write('build.o', 'built')
  const plan = await scene.ok('restore', 'start', '--in-place', '--delete', '--dry-run')
  assert.match(plan, /^delete {3}docs\/b\.txt\ndelete {3}new\.txt\nwrite {4}notes\.txt$/m)
  assert.doesNotMatch(plan, /build\.o/)
  assert.ok(existsSync(join(scene.directory, 'new.txt')))
  await scene.ok('restore', 'start', '--in-place')
  assert.deepEqual(readdirSync(join(scene.directory, 'docs')), ['a.txt', 'b.txt'])
  await scene.ok('restore', 'start', '--in-place', '--delete')
  assert.deepEqual(readdirSync(scene.directory), [
    '.tidemark',
    '.tidemarkignore',
    'build.o',
    'docs',
    'notes.txt',
  ])
  assert.deepEqual(readdirSync(join(scene.directory, 'docs')), ['a.txt'])
})

test('a snapshot is restored elsewhere, without its folder too', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const steps = JSON.parse(await scene.ok('restore', 'start', '--to', '../then', '-n', '--json')) as {
    steps: unknown[]
    files: number
  }
  assert.deepEqual([steps.steps.length, steps.files], [4, 2])
  assert.ok(!existsSync(join(scene.directory, '../then')))
  await scene.run(['restore', 'start', 'a.txt', '--to', '../../then'], { cwd: join(scene.directory, 'docs') })
  const directory = join(scene.directory, '../then')
  assert.deepEqual(readdirSync(directory, { recursive: true }), ['docs', 'docs/a.txt'])
  assert.match(
    await scene.ok('restore', 'start', '--to', '../then'),
    /1 file written .* 2 entries right already/,
  )
  rmSync(directory, { recursive: true })
  const repository = join(scene.directory, '.tidemark/repository')
  const bare = await scene.run(['-r', repository, 'restore', 'latest', '--to', 'now'], { cwd: scene.home })
  assert.equal(bare.code, 0, bare.stderr)
  assert.deepEqual(readdirSync(join(scene.home, 'now')), ['docs', 'notes.txt'])
})

test('damage that neither size nor time shows is found with --checksum', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  await scene.ok('restore', 'latest', '--to', '../then')
  const damaged = join(scene.directory, '../then/docs/b.txt')
  const right = readFileSync(damaged)
  writeFileSync(damaged, Buffer.alloc(right.length, 'x'))
  const again = async (...more: string[]): Promise<string> =>
    scene.ok('restore', 'latest', '--to', '../then', ...more)
  // Node itself would round the time, which would give the damage away.
  execFileSync('touch', ['-r', join(scene.directory, 'docs/b.txt'), damaged])
  assert.match(await again(), /nothing differs|right already/)
  assert.notDeepEqual(readFileSync(damaged), right)
  assert.match(await again('--checksum', '--dry-run'), /^write {4}docs\/b\.txt$/m)
  assert.match(await again('--checksum'), /1 file written .*right already/)
  assert.deepEqual(readFileSync(damaged), right)
  assert.match(await again('--checksum'), /nothing differs/)
})

test('where to is to be said, and what is not there is', async (t) => {
  const scene = new Scene(t)
  await makeHistory(scene)
  const repository = join(scene.directory, '.tidemark/repository')
  const cases: [string[], number, RegExp][] = [
    [['restore', 'latest'], 2, /either --to DIR or --in-place/],
    [['restore', 'latest', '--in-place', '--checksum'], 2, /goes with --to/],
    [['restore', 'latest', '--to', '.'], 2, /folder itself: use --in-place/],
    [['restore', 'latest', '--to', '.tidemark/repository/new'], 2, /in the repository/],
    [['restore', 'latest', '--to', '.tidemark'], 2, /in the bookkeeping/],
    [['restore', 'latest', '--to', '.tidemark/new'], 2, /in the bookkeeping/],
    [['restore', 'latest', '--to', '..', '--delete'], 2, /which --delete would delete/],
    [['restore', 'latest', '', '--in-place'], 2, /\[path\.\.\.\] is empty/],
    [['restore', 'latest', '--to', ''], 2, /--to is empty/],
    [['restore', 'latest', '--to', 'x', '--in-place'], 2, /either --to DIR or --in-place/],
    [['restore', 'latest', 'docs/a.txt', '--in-place'], 4, /no docs\/a\.txt/],
    [['-r', repository, 'restore', 'latest', '--in-place'], 2, /needs a folder/],
    [['restore', 'latest', '--to', 'notes.txt'], 6, /not a directory/],
  ]
  for (const [args, expected, message] of cases) {
    const { code, stderr } = await scene.run(args)
    assert.equal(code, expected, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, message)
  }
})

test('with the timeline alone the folder itself gives the contents, as far as it has them', async (t) => {
  const scene = new Scene(t)
  scene.write('kept', 'the same all the time\n')
  scene.write('lost', 'soon overwritten\n')
  await scene.ok('init', '--history', 'none')
  await scene.ok('snapshot')
  scene.write('lost', 'overwritten\n')
  await scene.ok('snapshot')
  assert.equal(await scene.ok('cat', 'latest~1:kept', 'latest:lost'), 'the same all the time\noverwritten\n')
  const lost = await scene.run(['cat', 'latest~1:lost'])
  assert.deepEqual([lost.code, lost.stdout], [4, ''])
  assert.match(lost.stderr, /not kept \(init --history none\)/)
  assert.equal(await scene.ok('diff', 'latest~1', '--text'), 'lost: its content is not there any more\n')
  const restored = await scene.run(['restore', 'latest~1', '--to', '../then'])
  assert.equal(restored.code, 3)
  assert.match(restored.stderr, /warning: lost: its content is not kept/)
  assert.deepEqual(readdirSync(join(scene.directory, '../then')), ['kept'])
})

test('what is ignored is restored when it is named, and else left alone, there or not', async (t) => {
  const scene = new Scene(t)
  const at = (path: string): string => join(scene.directory, path)
  for (const path of ['a.tmp', 'b.tmp', 'docs/c.tmp', 'docs/d.txt', 'build/deep/e', 'cache/f'])
    scene.write(path, 'old')
  await scene.ok('init')
  await scene.ok('snapshot', '--tag', 'old')
  scene.write('.tidemarkignore', '*.tmp\nbuild/\n')
  scene.write('cache/CACHEDIR.TAG', 'Signature: 8a477f597d28d172789f06886806bc55')
  for (const path of ['a.tmp', 'docs/c.tmp', 'docs/d.txt', 'build/deep/e', 'cache/f'])
    scene.write(path, 'new')
  rmSync(at('b.tmp'))
  await scene.ok('snapshot')

  // Not named: neither written nor made, nor said to be right.
  const all = JSON.parse(await scene.ok('restore', 'old', '--in-place', '--json')) as Record<string, unknown>
  assert.deepEqual([all['files'], all['problems']], [1, []])
  // Of all that was wanted only the directory docs was right: cache has got another time.
  assert.equal(all['unchanged'], 1)
  assert.equal(readFileSync(at('docs/d.txt'), 'utf8'), 'old')
  for (const path of ['a.tmp', 'docs/c.tmp', 'build/deep/e', 'cache/f'])
    assert.equal(readFileSync(at(path), 'utf8'), 'new', path)
  assert.ok(!existsSync(at('b.tmp')))
  await scene.ok('restore', 'old', 'docs', '--in-place')
  assert.equal(readFileSync(at('docs/c.tmp'), 'utf8'), 'new')

  // Named: restored, as the rehearsal says.
  const named = ['a.tmp', 'b.tmp', 'docs/c.tmp', 'build', 'cache/f']
  const plan = await scene.ok('restore', 'old', ...named, '--in-place', '--dry-run')
  assert.match(plan, /^write +a\.tmp$/m)
  assert.match(plan, /^make +b\.tmp$/m)
  assert.match(plan, /^write +build\/deep\/e$/m)
  await scene.ok('restore', 'old', ...named, '--in-place')
  for (const path of ['a.tmp', 'b.tmp', 'docs/c.tmp', 'build/deep/e', 'cache/f'])
    assert.equal(readFileSync(at(path), 'utf8'), 'old', path)
})

test('a directory that stays because of what is ignored in it is no failure', async (t) => {
  const scene = new Scene(t)
  scene.write('.tidemarkignore', '*.o\n')
  await makeHistory(scene)
  scene.write('new/a.txt', 'a')
  scene.write('new/a.o', 'a')
  await scene.ok('restore', 'latest', '--in-place', '--delete')
  assert.deepEqual(readdirSync(join(scene.directory, 'new')), ['a.o'])
})
