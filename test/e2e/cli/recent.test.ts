import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { mountSmall } from '../../suites/mount.ts'
import { canChangeUser, nobody } from '../../suites/as-nobody.ts'
import { checkComplete, checkedHead, checkSketch, listed, readIndex } from '../../suites/published.ts'
import { staticServer } from '../../suites/static-server.ts'
import { Scene } from './tidemark.ts'

function makeScene(t: TestContext): Scene {
  const scene = new Scene(t)
  mkdirSync(join(scene.directory, 'a'))
  for (const path of ['one', 'a/two', 'a/new\nline']) writeFileSync(join(scene.directory, path), path)
  symlinkSync('one', join(scene.directory, 'link'))
  return scene
}

test('the life of an index by hand', async (t) => {
  const scene = makeScene(t)
  const at = (path: string): string => join(scene.directory, path)
  const init = await scene.run(['recent', 'init', '.', '--intervals', '1h,1d,Z'])
  assert.equal(init.code, 0, init.stderr)
  assert.match(init.stdout, /listed 4 entries/)
  checkComplete(scene.directory)
  assert.equal((await scene.run(['recent', 'init', '.'])).code, 6)

  writeFileSync(at('three'), '3')
  rmSync(at('one'))
  const dry = await scene.run(['recent', 'fsck', '.', '--json'])
  assert.equal(dry.code, 8)
  assert.deepEqual(
    JSON.parse(dry.stdout).changes.map(({ path, type }: { path: string; type: string }) => `${type} ${path}`),
    ['new three', 'delete one'],
  )
  const add = await scene.run(['recent', 'update', '.', 'three', '--add'])
  assert.equal(add.code, 0, add.stderr)
  assert.equal(add.stdout, '+ three\n')
  const gone = await scene.run(['recent', 'update', 'RECENT.recent', at('one'), '--delete', '--dry-run'])
  assert.equal(gone.stdout, '- one\n')
  assert.equal((await scene.run(['recent', 'fsck', '.'])).stdout.split('\n')[0], '- one')
  assert.equal((await scene.run(['recent', 'fsck', '.', '--yes'])).code, 0)
  checkComplete(scene.directory)
  checkedHead(scene.directory)

  const aggregate = await scene.run(['recent', 'aggregate', 'RECENT-1h.yaml', '--force'])
  assert.match(aggregate.stdout, /^wrote .*Z/)
  const news = await scene.run(['recent', 'news', '.', '--max', '2'])
  assert.match(news.stdout, /^\S+ \S+ {2}- one\n\S+ \S+ {2}\+ three\n$/)
  const found = await scene.run(['recent', 'news', '.', '--contains-path', 'a/new\nline', '--json'])
  assert.equal(JSON.parse(found.stdout).path, 'a/new\nline')
  assert.equal((await scene.run(['recent', 'news', '.', '--contains-path', 'none'])).code, 8)
  const rows = JSON.parse((await scene.run(['recent', 'overview', '--json'])).stdout)
  assert.deepEqual(
    rows.map(({ interval, count }: { interval: string; count: number }) => [interval, count]),
    [
      ['1h', 3],
      ['1d', 3],
      ['Z', 4],
    ],
  )
  const table = await scene.run(['recent', 'overview', '-v'])
  assert.match(table.stdout, /^Ival +Cnt +Dirtymark +Produced +Merged +Max +Min +Span +Util +Cloud\n/)
  checkedHead(scene.directory)
})

test('an epoch of the past', async (t) => {
  const scene = makeScene(t)
  await scene.run(['recent', 'init'])
  writeFileSync(join(scene.directory, 'dirty'), '1')
  const update = await scene.run(['recent', 'update', '.', 'dirty', '--add', '--epoch', '1000.5'])
  assert.equal(update.code, 0, update.stderr)
  const news = await scene.run(['recent', 'news', '.', '--json', '--before', '1001'])
  assert.equal(JSON.parse(news.stdout).epoch, '1000.5')
  checkedHead(scene.directory)
})

test('what makes no sense is said, and nothing is done', async (t) => {
  const scene = makeScene(t)
  for (const [code, ...args] of [
    ['2', 'dance'],
    ['2', 'init', '.', '--intervals', '1h,1x'],
    ['2', 'init', '.', '--intervals', '0s,Z'],
    ['4', 'overview'],
    ['4', 'news', 'RECENT-9h.yaml'],
    ['4', 'fsck', '.'],
  ])
    assert.equal((await scene.run(['recent', ...args])).code, Number(code), args.join(' '))
  await scene.run(['recent', 'init'])
  const before = readFileSync(join(scene.directory, 'RECENT.head'))
  for (const [code, ...args] of [
    ['2', 'update', '.', 'one'],
    ['2', 'update', '.', 'one', '--add', '--delete'],
    ['2', 'update', '.', '--add'],
    ['2', 'update', '.', '../outside', '--add'],
    ['2', 'update', '.', '/etc/passwd', '--add'],
    ['2', 'update', '.', 'RECENT-1h.yaml/..', '--add'],
    ['2', 'update', '.', 'one', '--add', '--epoch', 'soon'],
    ['4', 'update', '.', 'none', '--add'],
    ['4', 'update', '.', 'none', '--delete'],
    ['2', 'news', '.', '--after', '1e9'],
    ['2', 'news', '.', '--contains-type', 'old'],
    ['2', 'overview', '.', 'more'],
  ])
    assert.equal((await scene.run(['recent', ...args])).code, Number(code), args.join(' '))
  assert.deepEqual(readFileSync(join(scene.directory, 'RECENT.head')), before)
})

test('publish --once, and what it prints as JSON', async (t) => {
  const scene = makeScene(t)
  const first = JSON.parse((await scene.run(['publish', '.', '--once', '--json'])).stdout)
  assert.equal(first.first, true)
  assert.equal(first.entries, 4)
  writeFileSync(join(scene.directory, 'one'), 'changed')
  const second = JSON.parse((await scene.run(['publish', '.', '--once', '--json'])).stdout)
  assert.deepEqual([second.first, second.changes.length, second.changes[0].path], [false, 1, 'one'])
  assert.match(second.changes[0].detail, /^f 644 [0-9.]+ 7 [A-Za-z0-9_-]{43}$/)
  checkSketch(scene.directory, checkedHead(scene.directory))
  assert.equal((await scene.run(['publish', 'nowhere', '--once'])).code, 4)
  assert.equal((await scene.run(['publish', 'one', '--once'])).code, 4)
})

test('an empty directory may be where a disk is to be mounted', async (t) => {
  const scene = new Scene(t)
  const refused = await scene.run(['publish', '.', '--once'])
  assert.equal(refused.code, 4)
  assert.match(refused.stderr, /is empty/)
  assert.equal((await scene.run(['recent', 'init', '.'])).code, 0)
  assert.equal((await scene.run(['publish', '.', '--once'])).code, 0)
  writeFileSync(join(scene.directory, 'first'), '1')
  assert.equal((await scene.run(['publish', '.', '--once'])).code, 0)
  checkComplete(scene.directory)
  checkedHead(scene.directory)
})

test('what cannot be read is said, and all else is listed', async (t) => {
  const scene = makeScene(t)
  if (!canChangeUser(t)) return
  chmodSync(join(scene.directory, '../..'), 0o755)
  for (const path of ['..', '../home', '.', 'a']) chownSync(join(scene.directory, path), nobody, nobody)
  chmodSync(join(scene.directory, 'one'), 0)
  const run = await scene.run(['publish', '.', '--once'], { uid: nobody })
  assert.equal(run.code, 3)
  assert.match(run.stderr, /one/)
  const listedPaths = (): string[] => [...listed(readIndex(scene.directory)).keys()].toSorted()
  assert.deepEqual(listedPaths(), ['a/new\nline', 'a/two', 'link'])
  // What cannot be looked at is not gone.
  chmodSync(join(scene.directory, 'a'), 0)
  rmSync(join(scene.directory, 'link'))
  assert.equal((await scene.run(['publish', '.', '--once'], { uid: nobody })).code, 3)
  assert.deepEqual(listedPaths(), ['a/new\nline', 'a/two'])
  chmodSync(join(scene.directory, 'a'), 0o755)
})

test('publish watches, and stops when it is told to: with all that it knows in the head', async (t) => {
  const scene = makeScene(t)
  const child = scene.start(['publish', '.', '--debounce', '10ms'])
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const closed = once(child, 'close')
  assert.match((await lines.next()).value ?? '', /listed 4 entries/)
  // In one step: it could see a file that is not written yet.
  writeFileSync(join(scene.home, 'more'), '1')
  renameSync(join(scene.home, 'more'), join(scene.directory, 'more'))
  assert.match((await lines.next()).value ?? '', /told of 1 change in 5 entries/)
  child.kill('SIGTERM')
  assert.deepEqual(await closed, [143, null])
  const head = checkedHead(scene.directory)
  checkSketch(scene.directory, head)
  checkComplete(scene.directory)
})

test('fsck of a mirror against its origin', async (t) => {
  const scene = makeScene(t)
  const mirror = join(scene.home, 'mirror')
  await scene.run(['publish', '.', '--once'])
  assert.equal((await scene.run(['mirror', '.', mirror])).code, 0)
  writeFileSync(join(mirror, 'one'), 'ONE')
  rmSync(join(mirror, 'link'))
  writeFileSync(join(mirror, 'a/extra'), 'not of the origin')
  assert.equal((await scene.run(['recent', 'fsck', mirror, '--remote', '.'])).code, 2)
  const fsck = await scene.run(['recent', 'fsck', mirror, '--remote', '.', '--yes', '--json'])
  assert.equal(fsck.code, 0, fsck.stderr)
  const { waiting, proven } = JSON.parse(fsck.stdout)
  assert.deepEqual([waiting, proven], [0, true])
  checkComplete(mirror)
  assert.equal(readFileSync(join(mirror, 'one'), 'utf8'), 'one')
})

test('news of an origin elsewhere, without a mirror', async (t) => {
  const scene = makeScene(t)
  await scene.run(['recent', 'init', '.', '--intervals', '1h,1d,Z'])
  writeFileSync(join(scene.directory, 'three'), '3')
  await scene.run(['recent', 'update', '.', 'three', '--add'])
  const server = await staticServer(t, scene.directory)
  const elsewhere = ['recent', 'news', '--remote', server.url]
  const newest = await scene.run([...elsewhere, '--max', '1'])
  assert.match(newest.stdout, /^\S+ \S+ {2}\+ three\n$/, newest.stderr)
  // No further than the answer needs.
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/RECENT.recent', '/RECENT-1h.yaml'],
  )
  for (const source of [server.url, '.', `${server.url}RECENT-1h.yaml`]) {
    const all = await scene.run(['recent', 'news', '--remote', source, '--json'])
    const here = await scene.run(['recent', 'news', '.', '--json'])
    assert.equal(all.stdout, here.stdout, source)
  }
  assert.equal((await scene.run([...elsewhere, '--contains-path', 'none'])).code, 8)
  assert.equal((await scene.run(['recent', 'news', '.', '--remote', server.url])).code, 2)
  assert.equal((await scene.run(['recent', 'news', '--remote', `${server.url}nowhere/`])).code, 4)
})

test('an index in Storable or Data::Dumper is recognised, and it is said what helps', async (t) => {
  const advice = /Perl's (?:Storable|Data::Dumper).*recent init --force/
  for (const [suffix, content] of [
    ['.sto', 'pst0\x04\x0b\x08'],
    ['.dd', '$VAR1 = {\n'],
  ] as const) {
    const scene = makeScene(t)
    writeFileSync(join(scene.directory, `RECENT-1h${suffix}`), content)
    const all: string[][] = [
      ['publish', '.', '--once'],
      ['recent', 'overview'],
      ['recent', 'news', '--remote', `./RECENT-1h${suffix}`],
      ['mirror', `./RECENT-1h${suffix}`, join(scene.home, 'mirror')],
    ]
    for (const args of all) {
      const { code, stderr } = await scene.run(args)
      assert.match(stderr, advice, args.join(' '))
      assert.notEqual(code, 0)
    }
    assert.equal((await scene.run(['recent', 'init', '.', '--force'])).code, 0)
    checkComplete(scene.directory)
    assert.equal((await scene.run(['publish', '.', '--once'])).code, 0)
  }
})

test('an index that a disk has no room for is refused in one line', async (t) => {
  const scene = new Scene(t)
  const small = mountSmall(t, 'size=256k')
  if (small === undefined) return
  // Room for the directory of the bookkeeping, and not for what goes into it.
  writeFileSync(join(small, 'filler'), randomBytes(252 * 1024))
  const { code, stderr } = await scene.run(['recent', 'init', small])
  assert.equal(code, 7, stderr)
  assert.match(stderr, /^tidemark: \w+ .*\.tidemark.*: no space left on device\n$/)
  assert.doesNotMatch(stderr, /Error/)
})
