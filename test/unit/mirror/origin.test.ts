import assert from 'node:assert/strict'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { nameToBytes } from '../../../src/bytes/name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { updateByHand } from '../../../src/mirror/origin/by-hand.ts'
import { IndexWriter } from '../../../src/mirror/origin/index-writer.ts'
import { Origin } from '../../../src/mirror/origin/origin.ts'
import { publishOnce } from '../../../src/mirror/origin/publish.ts'
import { compareEpochs, parseRecentfile } from '../../../src/recent/index.ts'
import { checkComplete, checkedHead, checkSketch, latin, listed, readIndex } from '../../suites/published.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const golden = join(import.meta.dirname, '../../golden/recent')

function makeTree(t: TestContext): string {
  const tree = join(memoryDirectory(t), 'tree')
  mkdirSync(join(tree, 'a/b/c'), { recursive: true })
  mkdirSync(join(tree, 'empty/within'), { recursive: true })
  for (const path of ['one', 'a/two', 'a/b/three', 'a/b/c/with\nnewline', 'a/RECENT-1h.yaml', 'null']) {
    writeFileSync(join(tree, path), path)
  }
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), nameToBytes(latin(0xe9, 0x6c))]), 'latin')
  writeFileSync(join(tree, 'old'), 'old')
  utimesSync(join(tree, 'old'), 1_000_000_000, 1_000_000_000)
  symlinkSync('a/two', join(tree, 'link'))
  symlinkSync('nowhere at all', join(tree, 'a/dangling'))
  return tree
}

async function publishAndCheck(tree: string): Promise<string[]> {
  const { changes } = await publishOnce(tree)
  checkComplete(tree)
  checkSketch(tree, checkedHead(tree))
  return changes.map(({ path, type }) => `${type} ${path}`).toSorted()
}

test('a first listing: everything stands in Z, as of long ago', async (t) => {
  const tree = makeTree(t)
  const report = await publishOnce(tree)
  assert.ok(report.first)
  assert.equal(report.entries, 11)
  checkComplete(tree)
  checkSketch(tree, checkedHead(tree))
  const files = readIndex(tree)
  assert.equal(files.length, 8)
  assert.equal(readlinkSync(join(tree, 'RECENT.recent')), 'RECENT-1h.yaml')
  const [newest] = files.at(-1)!.events
  assert.ok(Number(newest!.epoch) < Date.now() / 1000 - 31_557_600)
  for (const { meta, events } of files.slice(0, -1)) {
    // One event each, up to which it was merged: the Perl programs cannot do with none.
    assert.deepEqual(events, [newest])
    assert.equal(meta.merged?.epoch, newest!.epoch)
  }
  assert.equal(files.at(-1)!.events.find(({ path }) => path === 'old')!.epoch, '1000000000')
  assert.equal(statSync(join(tree, '.tidemark/origin.key')).mode & 0o777, 0o600)
  assert.ok(listed(files).has('a/RECENT-1h.yaml'), 'only in the root such names are of an index')
  assert.ok(!listed(files).has('empty'))
})

test('when nothing has changed nothing is written', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree)
  const before = readFileSync(join(tree, 'RECENT-1h.yaml'))
  const { indexes } = checkedHead(tree)
  assert.deepEqual(await publishAndCheck(tree), [])
  assert.deepEqual(readFileSync(join(tree, 'RECENT-1h.yaml')), before)
  assert.deepEqual(checkedHead(tree).indexes, indexes)
})

test('whatever changes is told of', async (t) => {
  const tree = makeTree(t)
  const { sequence } = (await publishOnce(tree), checkedHead(tree))
  const at = (path: string): string => join(tree, path)
  writeFileSync(at('one'), 'changed')
  writeFileSync(at('new'), 'new')
  rmSync(at('null'))
  rmSync(at('link'))
  symlinkSync('a', at('link'))
  chmodSync(at('old'), 0o600)
  assert.deepEqual(await publishAndCheck(tree), ['delete null', 'new link', 'new new', 'new old', 'new one'])
  // Directories that come, fill, empty and go; a listed one stays listed when it is filled.
  mkdirSync(at('fresh/x'), { recursive: true })
  writeFileSync(at('empty/within/file'), '1')
  rmSync(at('a/b/c/with\nnewline'))
  assert.deepEqual(await publishAndCheck(tree), [
    'delete a/b/c/with\nnewline',
    'new a/b/c',
    'new empty/within/file',
    'new fresh/x',
  ])
  assert.ok(listed(readIndex(tree)).has('empty/within'))
  rmSync(at('empty/within'), { recursive: true })
  rmSync(at('fresh'), { recursive: true })
  assert.deepEqual(await publishAndCheck(tree), [
    'delete empty/within',
    'delete empty/within/file',
    'delete fresh/x',
    'new empty',
  ])
  // A file where a directory was, and the other way round.
  rmSync(at('a/b'), { recursive: true })
  writeFileSync(at('a/b'), 'a file')
  rmSync(at('one'))
  mkdirSync(at('one/more'), { recursive: true })
  writeFileSync(at('one/more/x'), 'x')
  assert.deepEqual(await publishAndCheck(tree), [
    'delete a/b/c',
    'delete a/b/three',
    'delete one',
    'new a/b',
    'new one/more/x',
  ])
  renameSync(at('one'), at('elsewhere'))
  assert.deepEqual(await publishAndCheck(tree), ['delete one/more/x', 'new elsewhere/more/x'])
  assert.ok(checkedHead(tree).sequence > sequence)
})

test('a file that changes but not its time and size is noticed by its hash when its inode or ctime tells', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree)
  const { atime, mtime } = statSync(join(tree, 'one'))
  writeFileSync(join(tree, 'one'), 'ONE')
  utimesSync(join(tree, 'one'), atime, mtime)
  assert.deepEqual(await publishAndCheck(tree), ['new one'])
})

test('an index that a Perl program began is taken over, and changes little', async (t) => {
  const tree = join(memoryDirectory(t), 'tree')
  cpSync(join(golden, '02-after-add-and-delete'), tree, { recursive: true, verbatimSymlinks: true })
  mkdirSync(join(tree, 'sub/deep'), { recursive: true })
  const paths = ['sub/ümlaut.txt', 'b file.txt', 'sub/deep/d.bin', 'sub/c.txt', 'new1.txt', 'link']
  for (const path of paths) {
    writeFileSync(join(tree, path), path)
    utimesSync(join(tree, path), 1_760_000_000, 1_760_000_000)
  }
  assert.deepEqual((await publishOnce(tree)).changes, [])
  checkedHead(tree)
  assert.deepEqual([...listed(readIndex(tree)).keys()].toSorted(), paths.toSorted())
  // What is older than its event is taken for what was listed; all else is read.
  writeFileSync(join(tree, 'sub/c.txt'), 'changed')
  rmSync(join(tree, 'new1.txt'))
  const { changes } = await publishOnce(tree)
  assert.deepEqual(changes.map(({ path, type }) => `${type} ${path}`).toSorted(), [
    'delete new1.txt',
    'new sub/c.txt',
  ])
  const [principal] = readIndex(tree)
  assert.equal(principal!.meta.interval, '30s')
  assert.equal(principal!.meta.dirtymark, '1795293114.1823')
  assert.ok(compareEpochs(principal!.events[0]!.epoch, '1795293134.49299') > 0)
  checkedHead(tree)
})

test('what others write into the index is not lost, and counts', async (t) => {
  const tree = makeTree(t)
  const origin = await Origin.open(tree)
  t.after(() => origin.close())
  await origin.check()
  writeFileSync(join(tree, 'by-hand'), '1')
  const writer = IndexWriter.open(tree)
  await updateByHand(writer, { type: 'new', paths: ['by-hand', join(tree, 'one')] })
  await updateByHand(writer, { type: 'delete', paths: ['null'] })
  writeFileSync(join(tree, 'new'), '2')
  // By hand the deletion was told of too early: the file is still there.
  const { changes } = await origin.check()
  assert.deepEqual(
    changes.map(({ path, type }) => `${type} ${path}`).toSorted(),
    ['new new', 'new null'].toSorted(),
  )
  checkComplete(tree)
  checkedHead(tree)
})

test('an epoch of the past comes into all files, and the origin goes on from there', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree)
  const marks = (): Set<string | undefined> => new Set(readIndex(tree).map(({ meta }) => meta.dirtymark))
  const before = [...marks()]
  writeFileSync(join(tree, 'dirty'), '1')
  const writer = IndexWriter.open(join(tree, 'RECENT.recent'))
  await updateByHand(writer, { type: 'new', paths: ['dirty'], epoch: '1000.5' })
  assert.equal(marks().size, 1)
  assert.notDeepEqual([...marks()], before)
  assert.deepEqual(await publishAndCheck(tree), [])
  const dirty = readIndex(tree)
    .at(-1)!
    .events.find(({ path }) => path === 'dirty')
  assert.equal(dirty!.epoch, '1000.5')
})

test('the bookkeeping may be lost, damaged, or of another time', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree)
  const database = join(tree, '.tidemark/origin.db')
  const earlier = readFileSync(database)
  writeFileSync(join(tree, 'one'), 'changed')
  rmSync(join(tree, 'null'))
  assert.deepEqual(await publishAndCheck(tree), ['delete null', 'new one'])
  writeFileSync(database, earlier)
  assert.deepEqual(await publishAndCheck(tree), [])
  rmSync(database)
  assert.deepEqual(await publishAndCheck(tree), [])
  writeFileSync(database, 'no database at all, but long enough to be taken for one'.repeat(100))
  writeFileSync(join(tree, 'one'), 'changed again')
  assert.deepEqual(await publishAndCheck(tree), ['new one'])
})

test('the sequence goes on when the head is lost', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree)
  const { sequence, key } = checkedHead(tree)
  for (const damage of [undefined, 'no head']) {
    rmSync(join(tree, 'RECENT.head'))
    if (damage !== undefined) writeFileSync(join(tree, 'RECENT.head'), damage)
    writeFileSync(join(tree, 'one'), `${damage}`)
    await publishAndCheck(tree)
    const head = checkedHead(tree)
    assert.ok(head.sequence > sequence)
    assert.equal(head.key, key)
  }
})

test('a head that was not written, because the writer was killed or knows of none, is written', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree)
  const { sequence } = checkedHead(tree)
  // As a publisher does that is killed before the head, and as a Perl program does.
  const writer = IndexWriter.open(tree)
  writeFileSync(join(tree, 'more'), '1')
  await writer.locked(() => writer.update([{ path: 'more', type: 'new' }]))
  assert.throws(() => checkedHead(tree))
  assert.deepEqual((await publishOnce(tree)).changes, [])
  const head = checkedHead(tree)
  assert.ok(head.sequence > sequence)
  checkSketch(tree, head)
  await writer.locked(() => writer.aggregate({ force: true }))
  assert.throws(() => checkedHead(tree))
  await publishOnce(tree)
  checkedHead(tree)
})

test('a step that breaks off half-way is made good by the next', async (t) => {
  const tree = makeTree(t)
  const origin = await Origin.open(tree)
  t.after(() => origin.close())
  await origin.check()
  for (const obstacle of ['RECENT.head.new', 'RECENT-1h.yaml.new']) {
    writeFileSync(join(tree, 'one'), obstacle)
    rmSync(join(tree, 'null'), { force: true })
    mkdirSync(join(tree, obstacle))
    await assert.rejects(origin.check(), (error) => isTidemarkError(error))
    rmSync(join(tree, obstacle), { recursive: true })
    await origin.check()
    checkComplete(tree)
    checkedHead(tree)
    assert.ok(!existsSync(join(tree, 'RECENT-1h.yaml.lock')))
  }
  await origin.writeSketch()
  checkSketch(tree, checkedHead(tree))
})

test('two cannot publish one tree', async (t) => {
  const tree = makeTree(t)
  const origin = await Origin.open(tree)
  t.after(() => origin.close())
  await assert.rejects(Origin.open(tree), (error) => isTidemarkError(error, 'busy'))
})

test('a tree that is away is not a tree that is empty', async (t) => {
  const tree = makeTree(t)
  const origin = await Origin.open(tree)
  t.after(() => origin.close())
  await origin.check()
  renameSync(tree, `${tree}-away`)
  mkdirSync(tree)
  await assert.rejects(origin.check(), (error) => isTidemarkError(error, 'missing'))
  assert.ok(!existsSync(join(tree, 'RECENT-1h.yaml')))
  rmSync(tree, { recursive: true })
  renameSync(`${tree}-away`, tree)
  assert.deepEqual((await origin.check()).changes, [])
})

test('a look that changes nothing', async (t) => {
  const tree = makeTree(t)
  const origin = await Origin.open(tree)
  t.after(() => origin.close())
  const first = await origin.check('everything', { dryRun: true })
  assert.equal(first.changes.length, 11)
  assert.ok(!existsSync(join(tree, 'RECENT-1h.yaml')))
  await origin.check()
  writeFileSync(join(tree, 'one'), 'changed')
  for (let times = 0; times < 2; times++) {
    const { changes } = await origin.check('everything', { dryRun: true })
    assert.deepEqual(
      changes.map(({ path }) => path),
      ['one'],
    )
  }
})

test('an index as JSON, of other intervals', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree, { intervals: ['2h', '1d', 'Z'], suffix: '.json', comment: 'a: comment' })
  writeFileSync(join(tree, 'one'), 'changed')
  await publishAndCheck(tree)
  const [principal, ...longer] = readIndex(tree)
  assert.deepEqual(
    [principal!, ...longer].map(({ meta }) => meta.interval),
    ['2h', '1d', 'Z'],
  )
  assert.equal(principal!.meta.comment, 'a: comment')
  assert.equal(principal!.events[0]!.path, 'one')
  assert.ok(readFileSync(join(tree, 'RECENT-2h.json'), 'utf8').startsWith('{"meta":'))
  const { meta } = parseRecentfile(readFileSync(join(tree, 'RECENT-Z.json')))
  assert.equal(meta.suffix, '.json')
})

test('an index of another name is the one that is named', async (t) => {
  const tree = join(memoryDirectory(t), 'tree')
  cpSync(join(golden, '10-evolution/04-t6.4-third-aggregate'), tree, { recursive: true })
  for (const interval of ['2s', '4s', '8s', 'Z']) {
    const text = readFileSync(join(tree, `RECENT-${interval}.yaml`), 'utf8')
    writeFileSync(
      join(tree, `CHANGES-${interval}.yaml`),
      text.replace('filenameroot: RECENT', 'filenameroot: CHANGES'),
    )
    rmSync(join(tree, `RECENT-${interval}.yaml`))
  }
  rmSync(join(tree, 'RECENT.recent'))
  for (const path of ['f2', 'f3', 'f5']) {
    writeFileSync(join(tree, path), path)
    utimesSync(join(tree, path), 1_760_000_000, 1_760_000_000)
  }
  const { first, changes } = await publishOnce(join(tree, 'CHANGES-2s.yaml'))
  assert.equal(first, false)
  assert.deepEqual(
    changes.map(({ path, type }) => `${type} ${path}`),
    ['delete f4'],
  )
  assert.ok(existsSync(join(tree, 'CHANGES.head')))
  assert.equal(readlinkSync(join(tree, 'CHANGES.recent')), 'CHANGES-2s.yaml')
})

test('an index that is made anew keeps its intervals and its form, unless others are wanted', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree, { intervals: ['2h', '1d', 'Z'], suffix: '.json' })
  const { dirtymark } = readIndex(tree)[0]!.meta
  writeFileSync(join(tree, 'one'), 'changed')
  await publishOnce(tree, { afresh: true })
  checkComplete(tree)
  checkedHead(tree)
  const anew = readIndex(tree)
  assert.deepEqual(
    anew.map(({ meta }) => meta.interval + meta.suffix),
    ['2h.json', '1d.json', 'Z.json'],
  )
  assert.notEqual(anew[0]!.meta.dirtymark, dirtymark)
  writeFileSync(join(tree, 'RECENT-2h.json'), 'damaged')
  await assert.rejects(publishOnce(tree), (error) => isTidemarkError(error, 'corrupt'))
  await publishOnce(tree, { afresh: true, intervals: ['1h', 'Z'], suffix: '.yaml' })
  checkComplete(tree)
  checkedHead(tree)
  assert.deepEqual(
    readIndex(tree).map(({ meta }) => meta.interval + meta.suffix),
    ['1h.yaml', 'Z.yaml'],
  )
  assert.equal(readlinkSync(join(tree, 'RECENT.recent')), 'RECENT-1h.yaml')
})

test('a first listing that was begun is made anew', async (t) => {
  const tree = makeTree(t)
  await publishOnce(tree)
  const stop = new AbortController()
  const origin = await Origin.open(tree, {
    afresh: true,
    signal: stop.signal,
    onProgress: () => stop.abort(),
  })
  await assert.rejects(origin.check(), (error) => isTidemarkError(error, 'cancelled'))
  origin.close()
  writeFileSync(join(tree, 'one'), 'changed')
  const report = await publishOnce(tree)
  assert.ok(report.first)
  checkComplete(tree)
  checkedHead(tree)
})
