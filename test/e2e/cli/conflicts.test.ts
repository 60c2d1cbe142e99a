import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Scene } from './tidemark.ts'

const mark = '(conflict 2026-11-21 20-15-03 laptop)'

function read(scene: Scene, path: string): string {
  return readFileSync(join(scene.directory, path), 'utf8')
}

function names(scene: Scene, directory = '.'): string[] {
  return readdirSync(join(scene.directory, directory)).filter((name) => name !== '.tidemark')
}

async function makeConflicts(scene: Scene): Promise<void> {
  scene.write('docs/notes.txt', 'mine\nsame\n')
  scene.write(`docs/notes ${mark}.txt`, 'theirs, longer\nsame\n')
  utimesSync(join(scene.directory, `docs/notes ${mark}.txt`), 1_700_000_000, 1_700_000_000)
  // A name alone is no proof.
  scene.write(`alone ${mark}.txt`, 'an ordinary file')
  await scene.ok('init')
}

test('conflict copies are listed with both versions', async (t) => {
  const scene = new Scene(t)
  await makeConflicts(scene)
  const listed = await scene.ok('conflicts')
  assert.match(
    listed,
    /^docs\/notes\.txt\n {2}kept {2}\d.* 10 B\n {2}copy {2}2023-11-1[45] .* 20 B {2}laptop {2}docs\/notes \(conf.*\n$/,
  )
  const found = JSON.parse(await scene.ok('conflicts', '.', '--json')) as Record<string, unknown>
  assert.deepEqual(
    [found['path'], found['original'], found['host']],
    [`docs/notes ${mark}.txt`, 'docs/notes.txt', 'laptop'],
  )
  const { code, stderr } = await scene.run(['conflicts', 'nowhere'])
  assert.equal(code, 4, stderr)
})

test('the versions of a conflict are compared line by line, also where no history is kept', async (t) => {
  for (const history of ['kept', 'none']) {
    const scene = new Scene(t)
    scene.write('notes.txt', 'mine\nsame\n')
    scene.write(`notes ${mark}.txt`, 'theirs\nsame\n')
    await scene.ok('init', '--history', history)
    const patch = await scene.ok('conflicts', 'diff', 'notes.txt')
    assert.match(patch, /^--- a\/notes\.txt\n\+\+\+ b\/notes \(conflict.*\t\n@@.*\n-mine\n\+theirs\n same\n$/)
  }
})

test('the original stays, and the copy goes, and both are in the history', async (t) => {
  const scene = new Scene(t)
  await makeConflicts(scene)
  const copy = `docs/notes ${mark}.txt`
  assert.match(
    await scene.ok('conflicts', 'resolve', copy, '--keep', 'original', '--dry-run'),
    /would be deleted/,
  )
  assert.ok(existsSync(join(scene.directory, copy)))
  await scene.ok('conflicts', 'resolve', copy, '--keep', 'original')
  assert.deepEqual(names(scene, 'docs'), ['notes.txt'])
  assert.equal(read(scene, 'docs/notes.txt'), 'mine\nsame\n')
  assert.equal(await scene.ok('cat', `latest:${copy}`), 'theirs, longer\nsame\n')
  assert.equal(await scene.ok('conflicts'), '')
})

test('the copy takes the name', async (t) => {
  const scene = new Scene(t)
  await makeConflicts(scene)
  await scene.ok('conflicts', 'resolve', 'docs/notes.txt', '--keep', 'copy')
  assert.deepEqual(names(scene, 'docs'), ['notes.txt'])
  assert.equal(read(scene, 'docs/notes.txt'), 'theirs, longer\nsame\n')
  assert.equal(await scene.ok('cat', 'latest:docs/notes.txt'), 'mine\nsame\n')
})

test('both stay, under names of their own', async (t) => {
  const scene = new Scene(t)
  await makeConflicts(scene)
  scene.write('docs/notes (laptop).txt', 'taken')
  await scene.ok('conflicts', 'resolve', 'docs/notes.txt', '--keep', 'both')
  assert.deepEqual(names(scene, 'docs').toSorted(), [
    'notes (laptop 2).txt',
    'notes (laptop).txt',
    'notes.txt',
  ])
  assert.equal(read(scene, 'docs/notes (laptop 2).txt'), 'theirs, longer\nsame\n')
  assert.equal(read(scene, 'docs/notes (laptop).txt'), 'taken')
})

test('a file in conflict with a directory', async (t) => {
  const scene = new Scene(t)
  scene.write('thing/inside', 'a directory')
  scene.write(`thing ${mark}`, 'a file')
  await scene.ok('init')
  await scene.ok('conflicts', 'resolve', 'thing', '--keep', 'copy')
  assert.deepEqual(names(scene), ['thing'])
  assert.equal(read(scene, 'thing'), 'a file')
  assert.equal(await scene.ok('cat', 'latest:thing/inside'), 'a directory')
})

test('names that would spoil the terminal are shown escaped, and can be given so', async (t) => {
  const scene = new Scene(t)
  scene.write('a\u001b[2J\nb', '1')
  scene.write(`a\u001b[2J\nb ${mark}`, '2')
  await scene.ok('init')
  const listed = await scene.ok('conflicts')
  assert.match(listed, /^a\\x1b\[2J\\nb\n/)
  assert.ok(!listed.includes('\u001b'))
  await scene.ok('conflicts', 'resolve', String.raw`a\x1b[2J\nb`, '--keep', 'copy')
  assert.equal(read(scene, 'a\u001b[2J\nb'), '2')
})

test('what makes no sense is refused', async (t) => {
  const scene = new Scene(t)
  await makeConflicts(scene)
  scene.write(`docs/notes (conflict 2026-11-20 20-15-03 pc).txt`, 'third')
  for (const [code, hint, ...args] of [
    [2, 'takes the path', 'resolve', '--keep', 'copy'],
    [2, 'needs --keep', 'resolve', `docs/notes ${mark}.txt`],
    [2, 'several copies', 'resolve', 'docs/notes.txt', '--keep', 'copy'],
    [2, 'not one of', 'resolve', 'docs/notes.txt', '--keep', 'mine'],
    [4, 'no conflict', 'resolve', `alone ${mark}.txt`, '--keep', 'copy'],
    [2, 'not one of', 'settle', 'x'],
  ] as const) {
    const { code: exit, stderr } = await scene.run(['conflicts', ...args])
    assert.equal(exit, code, stderr)
    assert.match(stderr, new RegExp(hint))
  }
})
