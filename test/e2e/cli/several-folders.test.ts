import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Scene } from './tidemark.ts'

interface Logged {
  readonly id: string
  readonly path: string
}

/** Two folders, `one` and `two`, which keep their history in the repository `shared`. */
async function makeTwo(scene: Scene): Promise<{ one: string; two: string }> {
  for (const name of ['one', 'two']) {
    scene.write(`${name}/docs/a.txt`, `a of ${name}\n`)
    await scene.ok('-r', 'shared', 'init', name)
    await scene.ok('-C', name, 'snapshot', '-m', `of ${name}`, '--tag', 'both', '--tag', `tag-${name}`)
  }
  return { one: join(scene.directory, 'one'), two: join(scene.directory, 'two') }
}

test('of several folders in a repository each snapshot says of which it is', async (t) => {
  const scene = new Scene(t)
  const { one, two } = await makeTwo(scene)
  for (const args of [
    ['-r', 'shared', 'log'],
    ['-C', 'one', 'log', '-a'],
  ]) {
    const log = await scene.ok(...args)
    assert.match(log, /^SNAPSHOT .* HOST +FOLDER +MESSAGE/)
    assert.match(log, new RegExp(`${two}  of two.*\n.*${one}  of one`))
  }
  assert.doesNotMatch(await scene.ok('-C', 'one', 'log'), /FOLDER/)
  assert.match(await scene.ok('-C', 'one', 'log', '-v'), new RegExp(`FOLDER[^]*${one}`))
  const found = await scene.ok('-r', 'shared', 'find', 'a.txt')
  assert.match(found, new RegExp(`docs/a.txt  in ${two}\n[^]*docs/a.txt  in ${one}\n`))
})

test('one of several folders is chosen, never guessed', async (t) => {
  const scene = new Scene(t)
  const { one, two } = await makeTwo(scene)
  for (const args of [
    ['ls', 'latest'],
    ['ls', 'both'],
    ['cat', 'now:docs/a.txt'],
    ['restore', 'latest~1', '--to', 'out'],
    ['diff', 'latest'],
    ['history', 'docs/a.txt'],
  ]) {
    const { code, stderr } = await scene.run(['-r', 'shared', ...args])
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, /--of/)
    assert.ok(stderr.includes(one) && stderr.includes(two), stderr)
  }
  assert.equal(await scene.ok('-r', 'shared', '--of', one, 'cat', 'latest:docs/a.txt'), 'a of one\n')
  assert.equal(await scene.ok('-r', 'shared', '--of', 'two', 'cat', 'both:docs/a.txt'), 'a of two\n')
  assert.equal(await scene.ok('-r', 'shared', 'cat', 'tag-one:docs/a.txt'), 'a of one\n')
  assert.match(await scene.ok('-r', 'shared', '--of', 'one', 'history', 'docs/a.txt'), /created/)
  assert.doesNotMatch(await scene.ok('-r', 'shared', '--of', 'one', 'log'), /of two/)
  const none = await scene.run(['-r', 'shared', '--of', 'three', 'log'])
  assert.equal(none.code, 4)
  assert.ok(none.stderr.includes(one))
  assert.equal((await scene.run(['-C', 'one', '--of', 'two', 'log'])).code, 2)
})

test('an id names a snapshot of another folder too', async (t) => {
  const scene = new Scene(t)
  const { two } = await makeTwo(scene)
  const all = JSON.parse(await scene.ok('-r', 'shared', 'log', '--json')) as Logged[]
  const { id } = all.find(({ path }) => path === two)!
  for (const name of [id, id.slice(0, 8)]) {
    assert.equal(await scene.ok('-C', 'one', 'ls', name), 'docs/\n')
    assert.equal((await scene.run(['-C', 'one', 'forget', name])).code, 2)
    const inside = await scene.run(['cat', `${name}:docs/a.txt`], { cwd: join(scene.directory, 'one/docs') })
    assert.equal(inside.stdout, 'a of two\n')
  }
  assert.match(await scene.ok('-C', 'one', 'history', 'docs/a.txt', '--before', id), new RegExp('created'))
  assert.equal((await scene.run(['-C', 'one', 'ls', 'tag-two'])).code, 4)
})

interface Stats {
  readonly snapshots: readonly { readonly ownBytes: number }[]
  readonly entries: number
  readonly logicalBytes: number
  readonly usedBytes: number
  readonly storedBytes: number
}

function ownBytes(...parts: Stats[]): number {
  return parts.flatMap(({ snapshots }) => snapshots).reduce((sum, { ownBytes }) => sum + ownBytes, 0)
}

test('stats of one folder: what it needs, and what is its alone', async (t) => {
  const scene = new Scene(t)
  await makeTwo(scene)
  scene.write('one/common.txt', 'in both\n'.repeat(100))
  scene.write('two/common.txt', 'in both\n'.repeat(100))
  scene.write('two/more.txt', 'only in two\n'.repeat(50))
  for (const name of ['one', 'two']) await scene.ok('-C', name, 'snapshot')
  const stats = async (...args: string[]): Promise<Stats> =>
    JSON.parse(await scene.ok('-r', 'shared', ...args, 'stats', '--json')) as Stats
  const [all, one, two] = [await stats(), await stats('--of', 'one'), await stats('--of', 'two')]
  assert.deepEqual([all.snapshots.length, one.snapshots.length, two.snapshots.length], [4, 2, 2])
  assert.equal(one.logicalBytes + two.logicalBytes, all.logicalBytes)
  assert.equal(one.entries + two.entries, all.entries)
  // What both need counts for each of them, and is not theirs alone.
  assert.equal(one.usedBytes + two.usedBytes, all.usedBytes + 800)
  assert.equal(ownBytes(one, two), ownBytes(all))
  assert.equal(one.storedBytes, all.storedBytes)
  const shown = await scene.ok('-r', 'shared', '--of', 'one', 'stats')
  assert.match(shown, /of one/)
  assert.doesNotMatch(shown, /of two/)
  assert.match(shown, /index and snapshots of all folders/)
})

test('what is about a whole repository refuses --of', async (t) => {
  const scene = new Scene(t)
  await makeTwo(scene)
  for (const args of [['verify'], ['repair'], ['prune'], ['prune', '--dry-run']]) {
    const { code, stderr, stdout } = await scene.run(['-r', 'shared', '--of', 'one', ...args])
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, /the whole repository.*leave --of out/)
    assert.equal(stdout, '')
  }
})

test('completion offers the snapshots of the folder that is named', async (t) => {
  const scene = new Scene(t)
  await makeTwo(scene)
  const offered = await scene.ok('complete', '--', '-r', 'shared', '--of', 'one', 'ls', 'tag-')
  assert.match(offered, /^tag-one\t/m)
  assert.doesNotMatch(offered, /tag-two/)
})
